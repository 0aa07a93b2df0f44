//! The list of cases as CSV.

use std::io;

use crate::evaluation::measure::{Measure, ScoredCase, thresholds};

/// The columns before those of the measures.
const FIRST_COLUMNS: [&str; 5] = [
    "case",
    "source",
    "doubtful_reference",
    "width_px",
    "height_px",
];
/// The columns between those of the measures and those of the thresholds.
const LATER_COLUMNS: [&str; 2] = ["calibration_error", "warnings"];

/// Encodes the cases, in their order. The field of an undefined measure is empty.
pub(super) fn encode(films: &[ScoredCase]) -> io::Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(columns())?;
    for film in films {
        table.write_record(fields(film))?;
    }
    table.into_inner().map_err(csv::IntoInnerError::into_error)
}

fn columns() -> impl Iterator<Item = String> {
    let named = FIRST_COLUMNS
        .into_iter()
        .chain(Measure::ALL.map(Measure::key))
        .chain(LATER_COLUMNS);
    let thresholds = thresholds().map(|threshold| format!("dice_at_{:.2}", threshold.get()));
    named.map(str::to_owned).chain(thresholds)
}

fn fields(film: &ScoredCase) -> Vec<String> {
    let measures = &film.measures;
    let number = |value: f64| format!("{value:.6}");
    let doubtful = if film.doubtful { "yes" } else { "" };
    let size = [measures.size.width(), measures.size.height()];
    let warnings: Vec<_> = film.warnings.iter().map(|warning| warning.code()).collect();
    let mut fields = vec![film.case.clone(), film.source.clone(), doubtful.to_owned()];
    fields.extend(size.map(|side| side.to_string()));
    fields
        .extend(Measure::ALL.map(|measure| measure.of(measures).map_or_else(String::new, number)));
    fields.push(number(measures.calibration.expected_error()));
    fields.push(warnings.join(" "));
    fields.extend(measures.by_threshold.map(number));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::fixtures::scored;
    use lungfield_radiograph::warnings::Warning;

    #[test]
    fn every_film_has_a_line_with_a_field_for_every_column() {
        let warnings = vec![Warning::OneLung, Warning::LowConfidence];
        let films = [
            ScoredCase {
                warnings,
                ..scored("a,\"b\"", "x", 5, 4)
            },
            scored("c", "y", 5, 0),
        ];
        let bytes = encode(&films).unwrap();
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let header = reader.headers().unwrap().clone();
        let first = "case,source,doubtful_reference,width_px,height_px,dice,jaccard,hausdorff_95_px,surface_distance_px,\
                     hausdorff_95_mm,surface_distance_mm,calibration_error,warnings,dice_at_0.05";
        let joined = header.iter().collect::<Vec<_>>().join(",");
        assert!(joined.starts_with(first), "{joined}");
        assert_eq!(header.len(), 13 + 19);
        assert_eq!(
            (&header[13], &header[22], &header[31]),
            ("dice_at_0.05", "dice_at_0.50", "dice_at_0.95")
        );
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(
            (&rows[0][0], &rows[0][5], &rows[0][7]),
            ("a,\"b\"", "0.888889", "0.800000")
        );
        assert_eq!(rows[0][5], rows[0][22], "the model's threshold is a half");
        assert_eq!(
            (&rows[0][12], &rows[1][12]),
            ("one_lung low_confidence", "")
        );
        assert_eq!((&rows[1][5], &rows[1][7]), ("0.000000", ""));
    }
}
