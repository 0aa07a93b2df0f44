//! Tests of the summary and of its table.

use super::*;
use crate::evaluation::fixtures::scored;

/// Dice 1, 18/19 and 2/3.
fn three() -> Vec<ScoredCase> {
    vec![
        scored("x", "b", 10, 10),
        scored("y", "a", 10, 9),
        scored("z", "b", 10, 5),
    ]
}

#[test]
fn rows_are_the_sources_and_all() {
    let summary = Summary::of(&three());
    let names: Vec<_> = summary
        .rows
        .iter()
        .map(|row| (row.group.to_string(), row.films))
        .collect();
    assert_eq!(
        names,
        [
            ("a".to_owned(), 1),
            ("b".to_owned(), 2),
            ("all".to_owned(), 3)
        ]
    );
    let dice = summary.rows[1].statistics(Measure::Dice).unwrap();
    assert!((dice.mean - 5.0 / 6.0).abs() < 1e-9);
    assert!((dice.minimum - 2.0 / 3.0).abs() < 1e-9 && (dice.maximum - 1.0).abs() < 1e-9);
    assert!((dice.deviation - (1.0 / 18.0_f64).sqrt()).abs() < 1e-9);
    let all = summary.all().unwrap().statistics(Measure::Dice).unwrap();
    assert!((all.mean - (1.0 + 18.0 / 19.0 + 2.0 / 3.0) / 3.0).abs() < 1e-9);
}

#[test]
fn doubtful_films_count_but_there_is_a_row_without_them() {
    let mut films = three();
    films[2].doubtful = true;
    let summary = Summary::of(&films);
    let certain = summary.rows.last().unwrap();
    assert_eq!((&certain.group, certain.films), (&Group::AllButDoubtful, 2));
    assert!((certain.statistics(Measure::Dice).unwrap().minimum - 18.0 / 19.0).abs() < 1e-9);
    assert_eq!(summary.all().unwrap().films, 3);
    for film in &mut films {
        film.doubtful = true;
    }
    assert_eq!(Summary::of(&films).rows.last().unwrap().group, Group::All);
}

#[test]
fn undefined_distances_are_left_out_and_counted() {
    let films = [scored("x", "a", 5, 0), scored("y", "a", 5, 4)];
    let all = Summary::of(&films);
    let all = all.all().unwrap();
    assert_eq!(
        (
            all.undefined(Measure::Dice),
            all.undefined(Measure::Hausdorff95)
        ),
        (0, 1)
    );
    let distance = all.statistics(Measure::SurfaceDistance).unwrap();
    assert!((distance.mean - 1.0 / 9.0).abs() < 1e-9);
    assert_eq!(
        Summary::of(&films[..1])
            .all()
            .unwrap()
            .statistics(Measure::Hausdorff95),
        None
    );
}

#[test]
fn curves_are_means_and_pixels_add_up() {
    let summary = Summary::of(&three());
    let all = summary.all().unwrap();
    assert!((all.dice_by_threshold[9] - all.statistics(Measure::Dice).unwrap().mean).abs() < 1e-12);
    assert!(all.dice_by_threshold[18].abs() < 1e-12);
    assert_eq!(
        all.calibration
            .bins()
            .iter()
            .map(|bin| bin.pixels())
            .sum::<u64>(),
        30
    );
}

#[test]
fn no_films_have_no_rows() {
    assert!(Summary::of(&[]).rows.is_empty());
    assert_eq!(Summary::of(&[]).all(), None);
}

#[test]
fn the_table_is_aligned_and_shows_the_article() {
    let text = Summary::of(&three()).to_string();
    let dice: Vec<_> = text.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(dice.len(), 5, "{text}");
    assert!(
        dice.iter()
            .all(|line| line.chars().count() == dice[0].chars().count()),
        "{text}"
    );
    let words = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(dice[1])[..4], ["a", "1", "0.9474", "0.9474–0.9474"]);
    assert_eq!(words(dice[4])[3..], ["0.962", "0.926", "0.974", "0.008"]);
    assert_eq!(
        text.matches("95 % interval").count(),
        4,
        "none in millimetres"
    );
}

#[test]
fn millimetres_are_shown_where_a_film_has_them() {
    let mut films = three();
    films[0].measures.surface_mm = films[0].measures.surface;
    let summary = Summary::of(&films);
    assert_eq!(summary.measures().collect::<Vec<_>>(), Measure::ALL);
    assert_eq!(summary.all().unwrap().undefined(Measure::Hausdorff95Mm), 2);
    assert!(summary.to_string().contains("Hausdorff 95 %, mm"));
}

#[test]
fn what_is_undefined_everywhere_is_said_to_be() {
    let text = Summary::of(&[scored("x", "a", 5, 0)]).to_string();
    assert_eq!(text.matches("undefined").count(), 4, "{text}");
}
