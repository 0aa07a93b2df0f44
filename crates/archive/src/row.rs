//! Decides what a result table says of a film.

use parquet_derive::ParquetRecordWriter;
use serde::{Deserialize, Serialize};

use lungfield_engine::pipeline::Segmentation;
use lungfield_radiograph::lungs::{Lung, Side};
use lungfield_radiograph::overlap::Overlap;
use lungfield_radiograph::radiograph::SpacingSource;

/// A film in a result table. The fields are the columns, in their order; what is not known is null, or empty in CSV.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct Row {
    /// The film's file, as it was found.
    pub file: String,
    /// The mask's file, below the output folder.
    pub mask: Option<String>,
    /// The sha256 of the film's file, in hexadecimal.
    pub sha256: Option<String>,
    /// Columns of the film.
    pub width: Option<u32>,
    /// Rows of the film.
    pub height: Option<u32>,
    /// Pixels of the mask.
    pub area_px: Option<u64>,
    /// Pixels of the patient's right lung; null where the mask has none.
    pub right_area_px: Option<u64>,
    /// Pixels of the patient's left lung.
    pub left_area_px: Option<u64>,
    /// The mask's area on the film in mm², where its spacing is known.
    pub area_mm2: Option<f64>,
    /// The right lung's.
    pub right_area_mm2: Option<f64>,
    /// The left lung's.
    pub left_area_mm2: Option<f64>,
    /// Whose the spacing is, as in the answers of the service.
    pub pixel_spacing_source: Option<String>,
    /// Dice with the reference mask, where there is one.
    pub dice: Option<f64>,
    /// Jaccard with it.
    pub jaccard: Option<f64>,
    /// The codes of warnings, parted by `;`.
    pub warnings: Option<String>,
    /// Why there is no mask, as a code: one of the service's, or `unreadable`, `file_too_large`, `unnameable`.
    pub error: Option<String>,
    /// The same in words.
    pub error_detail: Option<String>,
}

impl Row {
    /// A film that has no mask.
    #[must_use]
    pub fn failed(file: String, error: &str, detail: String) -> Self {
        Self {
            file,
            error: Some(error.to_owned()),
            error_detail: Some(detail),
            ..Self::default()
        }
    }

    /// Returns the row of a film whose result was written there, with its measurements where it was segmented.
    #[must_use]
    pub fn written(file: String, mask: String, segmentation: Option<&Segmentation>) -> Self {
        Self {
            file,
            mask: Some(mask),
            ..segmentation.map_or_else(Self::default, Self::measured)
        }
    }

    /// Returns the measurements of a film.
    fn measured(segmentation: &Segmentation) -> Self {
        let Segmentation {
            size,
            lungs,
            spacing,
            overlap,
            warnings,
            ..
        } = segmentation;
        let area_px = |lung: &Lung| lung.area_px();
        let area_mm2 = |lung: &Lung| spacing.map(|spacing| lung.area_mm2(spacing));
        Self {
            width: Some(size.width()),
            height: Some(size.height()),
            area_px: Some(lungs.iter().map(area_px).sum()),
            right_area_px: lungs.get(Side::Right).map(area_px),
            left_area_px: lungs.get(Side::Left).map(area_px),
            area_mm2: spacing.map(|spacing| lungs.iter().map(|lung| lung.area_mm2(spacing)).sum()),
            right_area_mm2: lungs.get(Side::Right).and_then(area_mm2),
            left_area_mm2: lungs.get(Side::Left).and_then(area_mm2),
            pixel_spacing_source: spacing.map(|spacing| in_a_word(spacing.source())),
            dice: overlap.map(Overlap::dice),
            jaccard: overlap.map(Overlap::jaccard),
            warnings: Some(
                warnings
                    .iter()
                    .map(|warning| warning.code())
                    .collect::<Vec<_>>()
                    .join(";"),
            ),
            ..Self::default()
        }
    }
}

/// The source as answers of the service have it.
fn in_a_word(source: SpacingSource) -> String {
    let word = serde_json::to_value(source).expect("a source is a word");
    word.as_str().unwrap_or_default().to_owned()
}
