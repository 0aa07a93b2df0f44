//! Decodes PNG, JPEG and TIFF images to one channel of grey values.

mod directory;
mod grey;
pub(crate) mod jpeg;
mod metered;
pub(crate) mod png;
#[cfg(test)]
pub(super) mod samples;
pub(crate) mod tiff;

pub(crate) use self::grey::Raster;
