//! The catalogue of warnings: each code, and the message that goes with it.
//!
//! A warning says that a segmentation should be looked at before it is used. The checks themselves
//! are elsewhere: [`crate::lungs`] raises warnings about a mask, [`crate::preprocess`] raises
//! warnings about the grey values of a film, and a decoder raises warnings about what a file states
//! ([`crate::radiograph::Radiograph::warnings`]).

/// A reason to look at a segmentation before it is used.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::warnings::Warning;
///
/// assert_eq!(Warning::FlatFilm.code(), "flat_film");
/// assert_eq!(Warning::FlatFilm.message(), "the film is blank or nearly so");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Warning {
    /// The mask is empty.
    NoLung,
    /// One lung is missing, or has less than 15 % of the area of the other.
    OneLung,
    /// The two lungs touch, and were separated where they are narrowest.
    TouchingLungs,
    /// The lungs cover less than 5 % or more than 60 % of the film.
    ImplausibleArea,
    /// The model is unsure about more than half as many pixels as it classifies as lung.
    LowConfidence,
    /// The film has no contrast.
    FlatFilm,
    /// The grey values of the film look inverted.
    InvertedFilm,
    /// The file states that it shows a lateral view.
    LateralView,
    /// The file states that it holds values for processing, which are not meant for display.
    ForProcessing,
    /// The file states a modality that does not produce radiographs.
    UnexpectedModality,
}

impl Warning {
    /// Every warning, in the order in which a result lists them.
    pub const ALL: [Self; 10] = [
        Self::NoLung,
        Self::OneLung,
        Self::TouchingLungs,
        Self::ImplausibleArea,
        Self::LowConfidence,
        Self::FlatFilm,
        Self::InvertedFilm,
        Self::LateralView,
        Self::ForProcessing,
        Self::UnexpectedModality,
    ];

    /// Returns the stable identifier of the warning, for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.entry().code
    }

    /// Returns the message of the warning, for people.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.entry().message
    }

    /// Looks the warning up in the catalogue.
    fn entry(self) -> Entry {
        let (code, message) = match self {
            Self::NoLung => (
                "no_lung",
                "no lung was found: the film may not be a frontal chest X-ray",
            ),
            Self::OneLung => (
                "one_lung",
                "only one lung was found, or one has less than 15 % of the other's area",
            ),
            Self::TouchingLungs => (
                "touching_lungs",
                "the lungs touch; they were parted where they are narrowest, near the midline",
            ),
            Self::ImplausibleArea => (
                "implausible_area",
                "the lungs cover less than 5 % or more than 60 % of the film, as they hardly ever do",
            ),
            Self::LowConfidence => (
                "low_confidence",
                "the model is unsure about much of what it took for lung: the film may not be a frontal chest X-ray",
            ),
            Self::FlatFilm => ("flat_film", "the film is blank or nearly so"),
            Self::InvertedFilm => (
                "inverted_film",
                "the film's greys may be inverted: bone should be bright and air dark",
            ),
            Self::LateralView => (
                "lateral_view",
                "the file says that this is a lateral view: the model knows frontal ones",
            ),
            Self::ForProcessing => (
                "for_processing",
                "the file says that it is for processing, not for presentation: its greys may mislead the model",
            ),
            Self::UnexpectedModality => (
                "unexpected_modality",
                "the file says that it is no radiograph: its modality is none of CR, DX, RG and OT",
            ),
        };
        Entry { code, message }
    }
}

/// An entry of the catalogue.
struct Entry {
    code: &'static str,
    message: &'static str,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_warning_has_its_own_code_and_message() {
        let codes: HashSet<_> = Warning::ALL.map(Warning::code).into();
        let messages: HashSet<_> = Warning::ALL.map(Warning::message).into();
        assert_eq!([codes.len(), messages.len()], [Warning::ALL.len(); 2]);
    }
}
