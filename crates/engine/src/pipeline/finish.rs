//! Decides how a probability map becomes a film's answer: restored, measured, and written as what was asked for.

use super::form::{self, Form, Written};
use super::{Film, PipelineError, Segmentation, Timings};
use crate::engine::Segmented;
use lungfield_codec::dicom::{self, Findings, Kind, Origin, Planes, WriteError};
use lungfield_codec::rle::{Encoded, Rle};
use lungfield_codec::{DecodeError, Limits, overlay, png};
use lungfield_radiograph::geometry::Geometry;
use lungfield_radiograph::lungs::{Lungs, Warning, warnings};
use lungfield_radiograph::mask::{Mask, ProbabilityMap, Threshold};
use lungfield_radiograph::overlap::Overlap;
use lungfield_radiograph::postprocess;
use lungfield_radiograph::radiograph::{PixelSpacing, Radiograph};

/// What is left of a request once its film is with the model.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) geometry: Geometry,
    pub(super) spacing: Option<PixelSpacing>,
    /// What is doubtful about the film itself.
    pub(super) warnings: Vec<Warning>,
    pub(super) origin: Option<Origin>,
    pub(super) threshold: Threshold,
    pub(super) form: Form,
    pub(super) limits: Limits,
    /// What is read once more: the reference mask, and the film where it is drawn. Their bytes are on the budget; their
    /// pixels would not be, so none are kept while the film waits for the model.
    pub(super) files: Film,
}

impl Pending {
    /// The segmentation of a film whose map is there, without its times.
    pub(super) fn finish(self, segmented: &Segmented) -> Result<Segmentation, PipelineError> {
        let mask = postprocess::restore(&segmented.map, &self.geometry, self.threshold);
        let lungs = Lungs::of(&mask);
        let warnings = warnings(&lungs, &segmented.map, &self.warnings);
        let reference = self.files.reference_mask(mask.size(), self.limits)?;
        let overlap = reference.as_ref().map(|reference| {
            Overlap::of(&mask, reference)
                .expect("the reference mask was checked to have the film's size")
        });
        Ok(Segmentation {
            mask: self.write((&mask, &lungs), &segmented.map, reference.as_ref())?,
            size: mask.size(),
            lungs,
            spacing: self.spacing,
            threshold: self.threshold,
            overlap,
            warnings,
            timings: Timings::default(),
        })
    }

    fn write(
        &self,
        (mask, lungs): (&Mask, &Lungs),
        map: &ProbabilityMap,
        reference: Option<&Mask>,
    ) -> Result<Written, PipelineError> {
        Ok(match &self.form {
            &Form::Rle {
                plain,
                with_reference,
            } => Written::Rle {
                mask: encoded(Rle::of(mask), plain),
                reference: reference
                    .filter(|_| with_reference)
                    .map(|mask| echo(mask, plain))
                    .transpose()?,
            },
            Form::Png => Written::Png(png::encode_mask(mask)),
            Form::Samples => Written::Samples(form::samples(mask)),
            Form::Overlay => {
                Written::Png(overlay::draw(&self.film()?, mask, reference).expect(ONE_SIZE))
            }
            Form::Dicom(wanted) => {
                let findings = Findings {
                    mask,
                    lungs,
                    spacing: self.spacing,
                    threshold: self.threshold,
                };
                let probabilities = match wanted.kind {
                    Kind::Fractional => postprocess::restore_probabilities(map, &self.geometry),
                    Kind::Binary | Kind::Capture | Kind::Report => Vec::new(),
                };
                let planes = match wanted.kind {
                    Kind::Binary | Kind::Report => Planes::None,
                    Kind::Fractional => Planes::Probabilities(&probabilities),
                    Kind::Capture => {
                        Planes::Colours(overlay::samples(&self.film()?, mask).expect(ONE_SIZE))
                    }
                };
                let origin = self
                    .origin
                    .as_ref()
                    .expect("the origin was read where something is written about it");
                Written::Dicom(dicom::write(origin, &findings, planes, wanted).map_err(unwritten)?)
            }
        })
    }

    /// The film, decoded again: keeping the pixels of every film in the queue would cost more than the time.
    fn film(&self) -> Result<Radiograph, DecodeError> {
        self.files.image.decode(self.limits)
    }
}

/// The most runs of a reference mask that is given back: a mask of 8000 columns whose every column crosses 60 borders. A small file can hold
/// many more, and would come back as a thousand times its size.
pub(super) const MAX_ECHOED_RUNS: usize = 1_000_000;

fn echo(reference: &Mask, plain: bool) -> Result<Encoded, PipelineError> {
    let runs = Rle::of(reference);
    if runs.counts().len() > MAX_ECHOED_RUNS {
        return Err(PipelineError::ReferenceTooFine);
    }
    Ok(encoded(runs, plain))
}

fn encoded(runs: Rle, plain: bool) -> Encoded {
    if plain {
        runs.plain()
    } else {
        runs.compressed()
    }
}

/// What drawing and writing need, and have.
const ONE_SIZE: &str = "film, mask and reference mask have one size";

fn unwritten(error: WriteError) -> PipelineError {
    match error {
        WriteError::NoLung => PipelineError::NothingToWrite,
        WriteError::Defect => {
            tracing::error!(error = %error, "an object was not written");
            PipelineError::Broken
        }
    }
}
