//! Small films for the tests, whose masks are known, since the fake model returns the film as its probability map.

use lungfield_codec::png as codec;
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::overlap::Overlap;
use png::{BitDepth, ColorType};

/// The side of the model's grid. A film whose longer side has this length is not resampled.
pub(crate) const SIDE: u32 = 64;

/// Includes a file of `crates/codec/tests/fixtures/images`: one picture, 64 × 48 pixels with the value 2x + 2y, in some encoding.
macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/crates/codec/tests/fixtures/images/",
            $name
        ))
        .as_slice()
    };
}
pub(crate) use fixture;

/// Returns the mask of the pixels, by column and row, that are `inside`.
pub(crate) fn mask(size: Size, inside: impl Fn(u32, u32) -> bool) -> Mask {
    let pixels = (0..size.height()).flat_map(|y| (0..size.width()).map(move |x| (x, y)));
    Mask::new(size, pixels.map(|(x, y)| inside(x, y))).unwrap()
}

/// Returns a mask of two lungs of 12 × 30 pixels, at another place for each index below 64.
pub(crate) fn lungs(size: Size, index: u32) -> Mask {
    let (left, top) = (4 + index % 8, 4 + index / 8);
    let columns = [left..left + 12, left + 32..left + 44];
    mask(size, |x, y| {
        (top..top + 30).contains(&y) && columns.iter().any(|columns| columns.contains(&x))
    })
}

/// Returns the lungs that most tests expect.
pub(crate) fn some_lungs() -> Mask {
    lungs(Size::square(SIDE).unwrap(), 0)
}

/// Encodes the film of a mask, white where there is lung. The echoing model returns the mask.
pub(crate) fn film_of(mask: &Mask) -> Vec<u8> {
    codec::encode_mask(mask)
}

/// Encodes a valid film.
pub(crate) fn film() -> Vec<u8> {
    film_of(&some_lungs())
}

/// Encodes a valid film of at least `length` bytes, with padding that decoders ignore.
pub(crate) fn film_of_length(length: usize) -> Vec<u8> {
    let mut bytes = film();
    bytes.resize(length.max(bytes.len()), 0);
    bytes
}

/// Returns the picture of the fixtures.
pub(crate) fn picture() -> Vec<u8> {
    (0..48)
        .flat_map(|y| (0..64).map(move |x| 2 * x + 2 * y))
        .collect()
}

/// Encodes a PNG of the fixtures' size. Its palette, if it has one, is the greys.
pub(crate) fn png(color: ColorType, depth: BitDepth, samples: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 64, 48);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == ColorType::Indexed {
        encoder.set_palette((0..=255).flat_map(|grey| [grey; 3]).collect::<Vec<u8>>());
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(samples).unwrap();
    writer.finish().unwrap();
    file
}

/// Encodes the picture of the fixtures as an 8-bit grey PNG.
pub(crate) fn picture_png() -> Vec<u8> {
    png(ColorType::Grayscale, BitDepth::Eight, &picture())
}

/// Encodes a PNG that declares this size and has no pixels.
pub(crate) fn declared(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(ColorType::Grayscale);
    drop(encoder.write_header().unwrap());
    file
}

/// A decoded PNG.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) size: (u32, u32),
    pub(crate) color: ColorType,
    pub(crate) depth: BitDepth,
    pub(crate) samples: Vec<u8>,
}

impl Picture {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
            .read_info()
            .unwrap();
        let mut samples = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut samples).unwrap();
        Self {
            size: (frame.width, frame.height),
            color: frame.color_type,
            depth: frame.bit_depth,
            samples,
        }
    }

    /// Returns the mask of a picture of 0 and 255.
    pub(crate) fn mask(&self) -> Mask {
        assert_eq!(
            (self.color, self.depth),
            (ColorType::Grayscale, BitDepth::Eight)
        );
        assert!(self.samples.iter().all(|sample| [0, 255].contains(sample)));
        let pixels = self.samples.iter().map(|&sample| sample == 255);
        Mask::new(Size::new(self.size.0, self.size.1).unwrap(), pixels).unwrap()
    }
}

pub(crate) fn dice(first: &Mask, second: &Mask) -> f64 {
    Overlap::of(first, second).unwrap().dice()
}
