//! Scales the grey values of a film to another size.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U16};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::geometry::Size;
use crate::radiograph::{Pixels, Radiograph};

/// Scales the grey values of a film to `size`, in stored values.
///
/// When the film becomes smaller, the filter is a triangle that covers every source pixel, so that
/// nothing aliases.
pub(super) fn resample(film: &Radiograph, size: Size) -> Vec<f32> {
    match film.pixels() {
        Pixels::Eight(greys) => {
            let plane = resize::<U8>(greys, film.size(), size);
            let pixels = plane.pixels().iter();
            pixels.map(|grey| f32::from(grey.0)).collect()
        }
        Pixels::Sixteen(greys) => {
            let plane = resize::<U16>(bytemuck::cast_slice(greys), film.size(), size);
            let pixels = plane.pixels().iter();
            pixels.map(|grey| f32::from(grey.0)).collect()
        }
    }
}

/// Scales an image with the filter that preprocessing uses.
///
/// The function is generic over the pixel type, so that the resizer is compiled only for the pixel
/// types in use and not for all twenty that it supports.
///
/// # Panics
///
/// Panics if `greys` does not hold exactly the pixels of size `from`, aligned as `P` requires.
#[must_use]
pub fn resize<P: PixelTrait>(greys: &[u8], from: Size, to: Size) -> TypedImage<'static, P> {
    let source = TypedImageRef::<P>::from_buffer(from.width(), from.height(), greys)
        .expect("there is one aligned value for each pixel of the size");
    let mut target = TypedImage::new(to.width(), to.height());
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new()
        .resize_typed(&source, &mut target, &options)
        .expect("both images have pixels of one type");
    target
}
