//! Reads the samples of an image: directly, or with the decoder of their transfer syntax.

use std::borrow::Cow;

use dicom_encoding::adapters::{PixelDataObject, RawPixelData};
use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
use dicom_toolkit_jpeg2000::{DecodeSettings, Image};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use super::codestream::{self, Codec};
use super::element::Encoding;
use super::file::File;
use super::sample_layout::SampleLayout;
use super::scan::PixelData;
use crate::{DecodeError, undecodable};

/// The stored samples of an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StoredSamples<'a> {
    bytes: Cow<'a, [u8]>,
    order: SampleOrder,
}

/// The order of the bytes of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SampleOrder {
    /// One byte for each sample.
    Bytes,
    /// One byte for each sample, with the bytes of each pair exchanged.
    SwappedBytes,
    /// Two bytes for each sample, the lower one first.
    Little,
    /// Two bytes for each sample, the higher one first.
    Big,
}

impl<'a> StoredSamples<'a> {
    /// Reads the samples of the image in a file. Compressed pixels are decoded.
    pub(super) fn of(
        file: &File<'_>,
        pixels: PixelData<'a>,
        layout: SampleLayout,
    ) -> Result<Self, DecodeError> {
        let codec = Codec::of(&file.transfer_syntax).ok_or_else(|| {
            undecodable(format_args!(
                "the transfer syntax {} is not read",
                known(&file.transfer_syntax)
            ))
        })?;
        let (bytes, order) = match (codec, pixels) {
            (Codec::Native, PixelData::Native { bytes, words }) => (
                Cow::Borrowed(bytes),
                SampleOrder::native(layout, file.encoding == Encoding::ExplicitBig, words),
            ),
            (Codec::Encapsulated, PixelData::Encapsulated(fragments)) => (
                fragments.concat().into(),
                SampleOrder::native(layout, false, false),
            ),
            (_, PixelData::Encapsulated(fragments)) if codec != Codec::Native => {
                let stream = if let [one] = fragments[..] {
                    Cow::Borrowed(one)
                } else {
                    fragments.concat().into()
                };
                codestream::check(codec, &stream, layout)?;
                (
                    decompressed(codec, &stream, &file.transfer_syntax, layout)?.into(),
                    SampleOrder::native(layout, false, false),
                )
            }
            _ => {
                return Err(undecodable(
                    "the pixel data does not match its transfer syntax",
                ));
            }
        };
        if bytes.len() < order.least_bytes(layout) {
            return Err(undecodable("the pixel data ends early"));
        }
        Ok(Self { bytes, order })
    }

    /// Converts every sample with `grey`, row by row.
    pub(super) fn map<T>(&self, pixels: usize, grey: impl Fn(u16) -> T) -> Vec<T> {
        match self.order {
            SampleOrder::Bytes => self.bytes[..pixels]
                .iter()
                .map(|&sample| grey(sample.into()))
                .collect(),
            SampleOrder::SwappedBytes => {
                let pairs = self
                    .bytes
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .flat_map(|&[first, second]| [second, first]);
                pairs
                    .take(pixels)
                    .map(|sample| grey(sample.into()))
                    .collect()
            }
            SampleOrder::Little => self.words(pixels, |pair| grey(u16::from_le_bytes(pair))),
            SampleOrder::Big => self.words(pixels, |pair| grey(u16::from_be_bytes(pair))),
        }
    }

    /// Converts samples of two bytes.
    fn words<T>(&self, pixels: usize, grey: impl Fn([u8; 2]) -> T) -> Vec<T> {
        self.bytes.as_chunks::<2>().0[..pixels]
            .iter()
            .map(|&pair| grey(pair))
            .collect()
    }
}

impl SampleOrder {
    /// Returns the order of samples that are not compressed. In big endian, samples of one byte
    /// that were written as words are exchanged in pairs (PS3.5, annex A.3).
    fn native(layout: SampleLayout, big_endian: bool, words: bool) -> Self {
        match (layout.allocated, big_endian) {
            (8, true) if words => Self::SwappedBytes,
            (8, _) => Self::Bytes,
            (_, true) => Self::Big,
            (_, false) => Self::Little,
        }
    }

    /// Returns the smallest number of bytes that holds all samples. It is even if pairs of bytes
    /// are exchanged.
    fn least_bytes(self, layout: SampleLayout) -> usize {
        let bytes = layout.size.pixels() * usize::from(layout.allocated / 8);
        if self == Self::SwappedBytes {
            bytes.next_multiple_of(2)
        } else {
            bytes
        }
    }
}

/// Returns a UID for an error message, or a placeholder if the text is not a UID.
fn known(uid: &str) -> &str {
    let is_uid = uid.len() <= 64
        && uid
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_uid { uid } else { "of this file" }
}

/// Decompresses a codestream whose header was checked.
fn decompressed(
    codec: Codec,
    stream: &[u8],
    transfer_syntax: &str,
    layout: SampleLayout,
) -> Result<Vec<u8>, DecodeError> {
    let samples = match codec {
        Codec::Jpeg2000 => jpeg_2000(stream),
        Codec::Native | Codec::Encapsulated | Codec::Jpeg | Codec::Rle => {
            registered(stream, transfer_syntax, layout)
        }
    };
    samples.ok_or_else(|| {
        undecodable(
            "the compressed image is damaged, or of a kind within its transfer syntax that is not read",
        )
    })
}

/// Decompresses a codestream with the decoder that dicom-rs has for its transfer syntax.
fn registered(stream: &[u8], transfer_syntax: &str, layout: SampleLayout) -> Option<Vec<u8>> {
    use dicom_encoding::transfer_syntax::Codec::EncapsulatedPixelData;

    let syntax = TransferSyntaxRegistry.get(transfer_syntax)?;
    let EncapsulatedPixelData(Some(decoder), _) = syntax.codec() else {
        return None;
    };
    let image = Codestream {
        stream,
        transfer_syntax,
        layout,
    };
    let mut samples = Vec::new();
    decoder.decode_frame(&image, 0, &mut samples).ok()?;
    Some(samples)
}

/// Decompresses JPEG 2000 with a decoder in safe Rust. The decoder that dicom-rs can use was
/// translated from C, and frees memory that it has not allocated. With an allocator that does not
/// check this, the process ends.
fn jpeg_2000(stream: &[u8]) -> Option<Vec<u8>> {
    let image = Image::new(
        stream,
        &DecodeSettings {
            strict: true,
            ..DecodeSettings::default()
        },
    )
    .ok()?;
    Some(image.decode_native().ok()?.data)
}

/// An image in one codestream, in the form that the decoders of dicom-rs read.
#[derive(Debug)]
struct Codestream<'a> {
    stream: &'a [u8],
    transfer_syntax: &'a str,
    layout: SampleLayout,
}

impl PixelDataObject for Codestream<'_> {
    fn transfer_syntax_uid(&self) -> &str {
        self.transfer_syntax
    }

    fn rows(&self) -> Option<u16> {
        self.layout.size.height().try_into().ok()
    }

    fn cols(&self) -> Option<u16> {
        self.layout.size.width().try_into().ok()
    }

    fn samples_per_pixel(&self) -> Option<u16> {
        Some(1)
    }

    fn bits_allocated(&self) -> Option<u16> {
        Some(self.layout.allocated)
    }

    fn bits_stored(&self) -> Option<u16> {
        Some(self.layout.stored)
    }

    fn photometric_interpretation(&self) -> Option<&str> {
        Some(if self.layout.inverted {
            "MONOCHROME1"
        } else {
            "MONOCHROME2"
        })
    }

    fn number_of_frames(&self) -> Option<u32> {
        Some(1)
    }

    fn number_of_fragments(&self) -> Option<u32> {
        Some(1)
    }

    fn fragment(&self, fragment: usize) -> Option<Cow<'_, [u8]>> {
        (fragment == 0).then_some(Cow::Borrowed(self.stream))
    }

    fn offset_table(&self) -> Option<Cow<'_, [u32]>> {
        Some(Cow::Borrowed(&[]))
    }

    fn raw_pixel_data(&self) -> Option<RawPixelData> {
        Some(RawPixelData {
            fragments: [self.stream.to_vec()].into_iter().collect(),
            offset_table: [].into_iter().collect(),
        })
    }
}
