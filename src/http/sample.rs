//! Decides what the sample is that anybody can try the service with: a phantom and its exact mask, of no patient.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, header};
use bytes::Bytes;

use super::App;
use super::problem::ApiError;
use crate::codec::png;
use crate::geometry::Size;
use crate::phantom::{Depth, Phantom, PhantomOptions};

/// The phantom that `lungfield-phantom` draws where it is told nothing.
const SEED: u64 = 1;
const SIDE: u32 = 1024;

/// The sample, as files. Drawn when somebody asks for it first.
#[derive(Debug)]
pub(super) struct Sample {
    film: Bytes,
    mask: Bytes,
}

impl Sample {
    fn draw() -> Self {
        let size = Size::square(SIDE).expect("the side is not 0");
        let phantom = Phantom::draw(&PhantomOptions { seed: SEED, size, depth: Depth::Eight });
        Self {
            film: png::encode_radiograph(&phantom.film).into(),
            mask: png::encode_mask(&phantom.mask).into(),
        }
    }
}

type Png = ([(HeaderName, &'static str); 1], Bytes);

/// The film.
pub(super) async fn film(State(app): State<Arc<App>>) -> Result<Png, ApiError> {
    Ok(png(&sample(&app).await?.film))
}

/// Its mask.
pub(super) async fn mask(State(app): State<Arc<App>>) -> Result<Png, ApiError> {
    Ok(png(&sample(&app).await?.mask))
}

async fn sample(app: &App) -> Result<&Sample, ApiError> {
    let drawn = async || tokio::task::spawn_blocking(Sample::draw).await.map_err(|_| ApiError::Panicked);
    app.sample.get_or_try_init(drawn).await
}

fn png(bytes: &Bytes) -> Png {
    ([(header::CONTENT_TYPE, "image/png")], bytes.clone())
}
