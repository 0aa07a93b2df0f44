//! Defines the rows of a result table.

use parquet_derive::ParquetRecordWriter;
use serde::{Deserialize, Serialize};

use lungfield_engine::pipeline::Segmentation;
use lungfield_radiograph::lungs::{Lung, Side};
use lungfield_radiograph::overlap::Overlap;
use lungfield_radiograph::radiograph::SpacingSource;

/// A film in a result table. The fields are the columns, in their order; unknown values are null, or empty in CSV.
///
/// # Examples
/// ```
/// use lungfield_archive::row::Row;
///
/// let row = Row::failed("films/a.png".to_owned(), "unreadable", "access is denied".to_owned());
/// let mut table = csv::Writer::from_writer(Vec::new());
/// table.serialize(&row)?;
/// let table = String::from_utf8(table.into_inner()?)?;
/// let (header, line) = table.split_once('\n').expect("a header and a row");
/// assert!(header.starts_with("file,mask,sha256,width,height,area_px,"));
/// assert_eq!(line, "films/a.png,,,,,,,,,,,,,,,unreadable,access is denied\n");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct Row {
    /// The address of the film's file.
    pub file: String,
    /// The path of the mask's file, relative to the output folder.
    pub mask: Option<String>,
    /// The SHA-256 of the film's file, in hexadecimal.
    pub sha256: Option<String>,
    /// The width of the film in pixels.
    pub width: Option<u32>,
    /// The height of the film in pixels.
    pub height: Option<u32>,
    /// The area of the mask in pixels.
    pub area_px: Option<u64>,
    /// The area of the patient's right lung in pixels; null if the mask has no right lung.
    pub right_area_px: Option<u64>,
    /// The area of the patient's left lung in pixels; null if the mask has no left lung.
    pub left_area_px: Option<u64>,
    /// The area of the mask in mm², if the pixel spacing is known.
    pub area_mm2: Option<f64>,
    /// The area of the right lung in mm².
    pub right_area_mm2: Option<f64>,
    /// The area of the left lung in mm².
    pub left_area_mm2: Option<f64>,
    /// The source of the pixel spacing, as in the JSON of the service.
    pub pixel_spacing_source: Option<String>,
    /// The Dice coefficient with the reference mask, if there is one.
    pub dice: Option<f64>,
    /// The Jaccard index with the reference mask.
    pub jaccard: Option<f64>,
    /// The codes of the warnings, separated by `;`.
    pub warnings: Option<String>,
    /// Why there is no mask: a code of the service, or `unreadable`, `file_too_large` or `unnameable`.
    pub error: Option<String>,
    /// Why there is no mask, as text.
    pub error_detail: Option<String>,
}

impl Row {
    /// Returns the row of a film that has no mask.
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
            pixel_spacing_source: spacing.map(|spacing| source_name(spacing.source())),
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

/// Returns the name of a source in the JSON of the service.
fn source_name(source: SpacingSource) -> String {
    let name = serde_json::to_value(source).expect("a source is a string");
    name.as_str().unwrap_or_default().to_owned()
}
