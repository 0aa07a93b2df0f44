//! The sample with which anybody can try the service: a phantom, which is no patient, and its exact mask.

use std::sync::LazyLock;

use axum::http::{HeaderName, header};
use bytes::Bytes;

use lungfield_codec::png;
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};

use crate::http::problem::ApiError;

/// The seed of the phantom: that of `lungfield-phantom` by default.
const SEED: u64 = 1;
/// The side of the phantom in pixels.
const SIDE: u32 = 1024;

/// The sample, as PNG files.
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

/// Drawn at the first request, once.
static SAMPLE: LazyLock<Sample> = LazyLock::new(Sample::draw);

/// A response with a PNG.
type Png = ([(HeaderName, &'static str); 1], Bytes);

/// Responds with the film.
pub(crate) async fn film() -> Result<Png, ApiError> {
    Ok(png(&sample().await?.film))
}

/// Responds with the mask.
pub(crate) async fn mask() -> Result<Png, ApiError> {
    Ok(png(&sample().await?.mask))
}

/// Draws the sample on a thread that may block, or returns the one that is there.
async fn sample() -> Result<&'static Sample, ApiError> {
    tokio::task::spawn_blocking(|| LazyLock::force(&SAMPLE))
        .await
        .map_err(|_| ApiError::Panicked)
}

fn png(bytes: &Bytes) -> Png {
    ([(header::CONTENT_TYPE, "image/png")], bytes.clone())
}
