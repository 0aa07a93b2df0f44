//! Decides what the list of films looks like: a line for each, with every measure.

use std::io;

use super::super::measure::{Measure, Scored, thresholds};

/// The columns before those of the thresholds.
const COLUMNS: [&str; 13] = [
    "case",
    "source",
    "doubtful_reference",
    "width_px",
    "height_px",
    "dice",
    "jaccard",
    "hausdorff_95_px",
    "surface_distance_px",
    "hausdorff_95_mm",
    "surface_distance_mm",
    "calibration_error",
    "warnings",
];

/// The films as CSV, in their order. An undefined measure is an empty field.
pub(super) fn cases(films: &[Scored]) -> io::Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let thresholds = thresholds().map(|threshold| format!("dice_at_{:.2}", threshold.get()));
    table.write_record(
        COLUMNS
            .into_iter()
            .chain(thresholds.iter().map(String::as_str)),
    )?;
    for film in films {
        table.write_record(fields(film))?;
    }
    table.into_inner().map_err(csv::IntoInnerError::into_error)
}

fn fields(film: &Scored) -> Vec<String> {
    let measures = &film.measures;
    let number = |value: f64| format!("{value:.6}");
    let doubtful = if film.doubtful { "yes" } else { "" };
    let size = [measures.size.width(), measures.size.height()];
    let mut fields = vec![film.case.clone(), film.source.clone(), doubtful.to_owned()];
    fields.extend(size.map(|side| side.to_string()));
    fields
        .extend(Measure::ALL.map(|measure| measure.of(measures).map_or_else(String::new, number)));
    fields.push(number(measures.calibration.expected_error()));
    fields.push(
        film.warnings
            .iter()
            .map(|warning| warning.code())
            .collect::<Vec<_>>()
            .join(" "),
    );
    fields.extend(measures.by_threshold.map(number));
    fields
}

#[cfg(test)]
mod tests {
    use super::super::super::measure::tests::scored;
    use super::*;
    use lungfield_radiograph::lungs::Warning;

    #[test]
    fn every_film_has_a_line_with_a_field_for_every_column() {
        let warnings = vec![Warning::OneLung, Warning::LowConfidence];
        let films = [
            Scored {
                warnings,
                ..scored("a,\"b\"", "x", [5, 4])
            },
            scored("c", "y", [5, 0]),
        ];
        let bytes = cases(&films).unwrap();
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let header = reader.headers().unwrap().clone();
        assert_eq!(header.len(), COLUMNS.len() + 19);
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
