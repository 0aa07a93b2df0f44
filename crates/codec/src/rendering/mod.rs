//! The ways in which a result can be written: one enum, one table, and one place that says what each way needs and how it encodes.
//!
//! A new output format is a variant of [`Rendering`], a row of [`RENDERING_FORMATS`] and an arm of [`Rendering::encoder`], all in this
//! file, beside the file of its encoder. HTTP (`format=` and `Accept`) and archives offer what the table says.

mod document;
mod encoded;
mod error;
pub mod samples;
#[cfg(test)]
mod tests;

use serde::Deserialize;

pub use self::document::ResultDocument;
pub use self::encoded::{Encoded, EncodedFile, Encoder, SegmentedFilm};
pub use self::error::{MAX_ECHOED_RUNS, RenderError};
use crate::dicom::{self, ObjectContent, ObjectKind, ObjectRequest, Provenance, SegmentationType};
use crate::rle::Rle;
use crate::{DecodeError, Image, Limits, display, overlay, png};
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::radiograph::Radiograph;

/// A way to write a result.
///
/// ```
/// use lungfield_codec::rendering::{Encoder, Rendering};
/// use lungfield_codec::{Image, Limits, png};
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
///
/// let size = Size::square(128).unwrap();
/// let phantom = Phantom::draw(&PhantomOptions { seed: 1, size, depth: Depth::Twelve });
/// let image = Image::File(png::encode_radiograph(&phantom.film).into());
///
/// match Rendering::Film.encoder(&image, Limits::default())? {
///     // The film alone: the model need not be asked.
///     Encoder::Film(encode) => assert_eq!(encode(&phantom.film).into_file().media_type, "image/png"),
///     // Everything else is encoded from what the model found.
///     Encoder::Mask(_encode) => panic!("the film alone needs no mask"),
/// }
/// # Ok::<(), lungfield_codec::rendering::RenderError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rendering {
    /// The data of a JSON document: the mask as COCO RLE, lungs, overlap and warnings.
    Document(DocumentOptions),
    /// The mask as an 8-bit grey PNG of 0 and 255.
    Png,
    /// The mask as a JSON file of COCO RLE.
    Rle,
    /// The mask as one byte for each pixel, row by row: 1 for lung, 0 for none.
    Samples,
    /// The film with the mask in red and the outline of the reference mask in white, as an RGB PNG.
    Overlay,
    /// The film alone, as an 8-bit grey PNG. The model is not asked.
    Film,
    /// A DICOM object about the film, which must be a DICOM object itself.
    Dicom(ObjectRequest),
}

/// The choices of a JSON document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DocumentOptions {
    /// How the counts of the RLE are written.
    pub counts: CountsForm,
    /// What the reference mask is used for.
    pub reference: ReferenceUse,
}

/// A form of the counts of an RLE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CountsForm {
    /// The compressed string of pycocotools.
    #[default]
    Compressed,
    /// A list of numbers.
    #[serde(rename = "counts")]
    Plain,
}

/// A use of the reference mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReferenceUse {
    /// The mask is compared with it.
    #[default]
    Compare,
    /// The mask is compared with it, and the document contains it as it was read.
    Echo,
}

/// The choices of all renderings; each rendering takes those that concern it.
#[derive(Clone, Debug)]
pub struct RenderingOptions {
    /// The choices of a JSON document.
    pub document: DocumentOptions,
    /// What the pixels of a DICOM segmentation are.
    pub segmentation: SegmentationType,
    /// What DICOM objects say of their origin.
    pub provenance: Provenance,
}

/// A row of the table of renderings.
#[derive(Debug)]
pub struct RenderingFormat {
    /// The name by which callers choose it.
    pub name: &'static str,
    /// The media type of its file or document.
    pub media_type: &'static str,
    /// The extension of its files, without a dot.
    pub extension: &'static str,
    /// A short description.
    pub summary: &'static str,
    /// Whether `format=` of a request can name it. The first such row of a media type is the one that `Accept` chooses.
    pub in_query: bool,
    /// Whether `--format` of an archive run can name it.
    pub in_archive: bool,
    build: fn(RenderingOptions) -> Rendering,
}

/// Every rendering.
pub static RENDERING_FORMATS: [&RenderingFormat; 9] = [
    &DOCUMENT, &PNG, &RLE, &SAMPLES, &OVERLAY, &FILM, &DICOM_SEG, &DICOM_SC, &DICOM_SR,
];

static DOCUMENT: RenderingFormat = RenderingFormat {
    name: "json",
    media_type: "application/json",
    extension: "json",
    summary: "JSON with the mask as COCO's run-length encoding",
    in_query: true,
    in_archive: false,
    build: |options| Rendering::Document(options.document),
};
static PNG: RenderingFormat = RenderingFormat {
    name: "png",
    media_type: "image/png",
    extension: "png",
    summary: "8-bit grey, 0 and 255",
    in_query: true,
    in_archive: true,
    build: |_| Rendering::Png,
};
static RLE: RenderingFormat = RenderingFormat {
    name: "rle",
    media_type: "application/json",
    extension: "json",
    summary: "COCO's run-length encoding, as JSON",
    in_query: false,
    in_archive: true,
    build: |_| Rendering::Rle,
};
static SAMPLES: RenderingFormat = RenderingFormat {
    name: "samples",
    media_type: "application/octet-stream",
    extension: "raw",
    summary: "a byte for each pixel, 0 and 1",
    in_query: false,
    in_archive: false,
    build: |_| Rendering::Samples,
};
static OVERLAY: RenderingFormat = RenderingFormat {
    name: "overlay",
    media_type: "image/png",
    extension: "png",
    summary: "the film with the mask in red",
    in_query: true,
    in_archive: false,
    build: |_| Rendering::Overlay,
};
static FILM: RenderingFormat = RenderingFormat {
    name: "film",
    media_type: "image/png",
    extension: "png",
    summary: "the film alone, in 8-bit grey",
    in_query: true,
    in_archive: false,
    build: |_| Rendering::Film,
};
static DICOM_SEG: RenderingFormat = RenderingFormat {
    name: "dicom-seg",
    media_type: dicom::MEDIA_TYPE,
    extension: "dcm",
    summary: "a DICOM Segmentation; of DICOM films only",
    in_query: true,
    in_archive: true,
    build: |options| object(ObjectKind::Segmentation(options.segmentation), options),
};
static DICOM_SC: RenderingFormat = RenderingFormat {
    name: "dicom-sc",
    media_type: dicom::MEDIA_TYPE,
    extension: "dcm",
    summary: "a DICOM Secondary Capture; of DICOM films only",
    in_query: true,
    in_archive: false,
    build: |options| object(ObjectKind::SecondaryCapture, options),
};
static DICOM_SR: RenderingFormat = RenderingFormat {
    name: "dicom-sr",
    media_type: dicom::MEDIA_TYPE,
    extension: "dcm",
    summary: "a DICOM Structured Report; of DICOM films only",
    in_query: true,
    in_archive: false,
    build: |options| object(ObjectKind::StructuredReport, options),
};

fn object(kind: ObjectKind, options: RenderingOptions) -> Rendering {
    Rendering::Dicom(ObjectRequest {
        kind,
        provenance: options.provenance,
    })
}

impl RenderingFormat {
    /// Returns the row of this name.
    ///
    /// ```
    /// use lungfield_codec::rendering::RenderingFormat;
    ///
    /// let format = RenderingFormat::named("dicom-seg").unwrap();
    /// assert_eq!((format.media_type, format.extension), ("application/dicom", "dcm"));
    /// assert!(RenderingFormat::named("gif").is_none());
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        let mut formats = RENDERING_FORMATS.into_iter();
        formats.find(|format| format.name == name)
    }

    /// Returns the rendering of this row, with the options that concern it.
    #[must_use]
    pub fn rendering(&self, options: RenderingOptions) -> Rendering {
        (self.build)(options)
    }
}

impl Rendering {
    /// Returns the rendering's row of the table.
    #[must_use]
    pub fn format(&self) -> &'static RenderingFormat {
        match self {
            Self::Document(_) => &DOCUMENT,
            Self::Png => &PNG,
            Self::Rle => &RLE,
            Self::Samples => &SAMPLES,
            Self::Overlay => &OVERLAY,
            Self::Film => &FILM,
            Self::Dicom(request) => match request.kind {
                ObjectKind::Segmentation(_) => &DICOM_SEG,
                ObjectKind::SecondaryCapture => &DICOM_SC,
                ObjectKind::StructuredReport => &DICOM_SR,
            },
        }
    }

    /// Returns the encoder of a film's result, which holds what it needs of the film itself.
    ///
    /// Reads the header of the film where a DICOM object is to be written about it, and fails with [`RenderError::NotDicom`] where
    /// the film has none: before the film has cost a forward pass. The film's pixels are not kept; an encoder that draws them
    /// decodes the image a second time.
    pub fn encoder(self, image: &Image, limits: Limits) -> Result<Encoder, RenderError> {
        let media_type = self.format().media_type;
        let file = move |bytes| Encoded::File(EncodedFile { media_type, bytes });
        let pixels = {
            let image = image.clone();
            move || image.decode(limits)
        };
        Ok(match self {
            Self::Document(options) => Encoder::mask(move |result| {
                let document = ResultDocument::new(result, options)?;
                Ok(Encoded::Document(Box::new(document)))
            }),
            Self::Png => Encoder::mask(move |result| Ok(file(png::encode_mask(result.mask)))),
            Self::Rle => Encoder::mask(move |result| Ok(file(rle_file(result.mask)))),
            Self::Samples => Encoder::mask(move |result| Ok(file(samples::encode(result.mask)))),
            Self::Overlay => Encoder::mask(move |result| {
                let drawn = overlay::draw(&pixels()?, result.mask, result.reference)?;
                Ok(file(drawn))
            }),
            Self::Film => Encoder::film(move |film| file(display::draw(film))),
            Self::Dicom(ObjectRequest { kind, provenance }) => {
                let origin = image.origin(limits)?;
                let content = object_content(kind, pixels);
                Encoder::mask(move |result| {
                    let content = content(result)?;
                    let object = dicom::write(&origin, &result.subject(), content, &provenance)?;
                    Ok(file(object))
                })
            }
        })
    }
}

/// Makes the content of an object from a film's result.
type MakeContent = Box<dyn FnOnce(&SegmentedFilm<'_>) -> Result<ObjectContent, RenderError> + Send>;

fn object_content(
    kind: ObjectKind,
    pixels: impl FnOnce() -> Result<Radiograph, DecodeError> + Send + 'static,
) -> MakeContent {
    match kind {
        ObjectKind::Segmentation(SegmentationType::Binary) => {
            Box::new(|_| Ok(ObjectContent::Binary))
        }
        ObjectKind::Segmentation(SegmentationType::Fractional) => {
            Box::new(|result| Ok(ObjectContent::Fractional(result.probabilities())))
        }
        ObjectKind::SecondaryCapture => Box::new(move |result| {
            let colours = overlay::samples(&pixels()?, result.mask)?;
            Ok(ObjectContent::SecondaryCapture(colours))
        }),
        ObjectKind::StructuredReport => Box::new(|_| Ok(ObjectContent::StructuredReport)),
    }
}

/// Encodes a mask as a JSON file of COCO RLE.
fn rle_file(mask: &Mask) -> Vec<u8> {
    serde_json::to_vec(&Rle::of(mask).compressed()).expect("an RLE can be written as JSON")
}
