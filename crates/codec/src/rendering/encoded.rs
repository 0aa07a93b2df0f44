//! The input and the output of encoders.

use std::fmt;

use super::{RenderError, ResultDocument};
use crate::dicom::Subject;
use lungfield_radiograph::geometry::Geometry;
use lungfield_radiograph::lungs::Lungs;
use lungfield_radiograph::mask::{Mask, ProbabilityMap, Threshold};
use lungfield_radiograph::overlap::Overlap;
use lungfield_radiograph::postprocess;
use lungfield_radiograph::radiograph::{PixelSpacing, Radiograph};
use lungfield_radiograph::warnings::Warning;

/// Everything that is known of a segmented film when its result is written.
#[derive(Clone, Copy, Debug)]
pub struct SegmentedFilm<'a> {
    /// The mask, of the film's size.
    pub mask: &'a Mask,
    /// The lungs of the mask.
    pub lungs: &'a Lungs,
    /// The film's pixel spacing, where its file states it.
    pub spacing: Option<PixelSpacing>,
    /// The probability from which on a pixel is lung.
    pub threshold: Threshold,
    /// The reference mask, where there is one, of the film's size.
    pub reference: Option<&'a Mask>,
    /// The overlap of the mask with the reference mask.
    pub overlap: Option<Overlap>,
    /// Why the mask is doubtful.
    pub warnings: &'a [Warning],
    /// The probabilities of lung, on the model's grid.
    pub map: &'a ProbabilityMap,
    /// The position of the film on the model's grid.
    pub geometry: &'a Geometry,
}

impl<'a> SegmentedFilm<'a> {
    /// Returns the part of the result that DICOM objects are about.
    #[must_use]
    pub fn subject(&self) -> Subject<'a> {
        Subject {
            mask: self.mask,
            lungs: self.lungs,
            spacing: self.spacing,
            threshold: self.threshold,
        }
    }

    /// Computes the probability of lung at each pixel of the film, in 255ths, row by row.
    #[must_use]
    pub fn probabilities(&self) -> Vec<u8> {
        postprocess::restore_probabilities(self.map, self.geometry)
    }
}

/// An encoder for one film, as [`Rendering::encoder`](super::Rendering::encoder) makes it.
pub enum Encoder {
    /// An encoder of the film alone. The model is not asked.
    Film(FilmEncoder),
    /// An encoder of the film's result.
    Mask(MaskEncoder),
}

type FilmEncoder = Box<dyn FnOnce(&Radiograph) -> Encoded + Send>;
type MaskEncoder = Box<dyn FnOnce(&SegmentedFilm<'_>) -> Result<Encoded, RenderError> + Send>;

impl Encoder {
    pub(super) fn film(encode: impl FnOnce(&Radiograph) -> Encoded + Send + 'static) -> Self {
        Self::Film(Box::new(encode))
    }

    pub(super) fn mask(
        encode: impl FnOnce(&SegmentedFilm<'_>) -> Result<Encoded, RenderError> + Send + 'static,
    ) -> Self {
        Self::Mask(Box::new(encode))
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Film(_) => "Encoder::Film",
            Self::Mask(_) => "Encoder::Mask",
        })
    }
}

/// A result as it is sent or stored.
#[derive(Clone, Debug)]
pub enum Encoded {
    /// A file.
    File(EncodedFile),
    /// The data of a JSON document, to which whoever sends it adds what it knows itself.
    Document(Box<ResultDocument>),
}

/// The file of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFile {
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Encoded {
    /// Returns the result as a file. A document becomes a JSON file of its data alone.
    #[must_use]
    pub fn into_file(self) -> EncodedFile {
        match self {
            Self::File(file) => file,
            Self::Document(document) => EncodedFile {
                media_type: "application/json",
                bytes: serde_json::to_vec(&document).expect("a result can be written as JSON"),
            },
        }
    }
}
