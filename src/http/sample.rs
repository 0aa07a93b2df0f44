//! Decides what the sample is that anybody can try the service with: a phantom and its exact mask, of no patient.

use std::sync::LazyLock;

use axum::http::{HeaderName, header};
use bytes::Bytes;

use super::problem::ApiError;
use lungfield_codec::png;
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};

/// The phantom that `lungfield-phantom` draws where it is told nothing.
const SEED: u64 = 1;
const SIDE: u32 = 1024;

/// The sample, as files. Drawn when somebody asks for it first.
#[derive(Debug)]
struct Sample {
    film: Bytes,
    mask: Bytes,
}

impl Sample {
    fn draw() -> Self {
        let size = Size::square(SIDE).expect("the side is not 0");
        let phantom = Phantom::draw(&PhantomOptions {
            seed: SEED,
            size,
            depth: Depth::Eight,
        });
        Self {
            film: png::encode_radiograph(&phantom.film).into(),
            mask: png::encode_mask(&phantom.mask).into(),
        }
    }
}

/// Once, whoever has left meanwhile.
static SAMPLE: LazyLock<Sample> = LazyLock::new(Sample::draw);

type Png = ([(HeaderName, &'static str); 1], Bytes);

/// The film.
pub(super) async fn film() -> Result<Png, ApiError> {
    Ok(png(&sample().await?.film))
}

/// Its mask.
pub(super) async fn mask() -> Result<Png, ApiError> {
    Ok(png(&sample().await?.mask))
}

async fn sample() -> Result<&'static Sample, ApiError> {
    tokio::task::spawn_blocking(|| LazyLock::force(&SAMPLE))
        .await
        .map_err(|_| ApiError::Panicked)
}

fn png(bytes: &Bytes) -> Png {
    ([(header::CONTENT_TYPE, "image/png")], bytes.clone())
}
