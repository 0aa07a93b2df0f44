//! Tests of the picture of a run.

use proptest::prelude::*;

use super::*;

fn step(iteration: u32, loss: f64) -> StepRecord {
    StepRecord {
        iteration,
        loss,
        learning_rate: 0.05,
        images_per_second: 10.0,
        wait_share: 0.1,
    }
}

fn validated(iteration: u32, mean_dice: f64, best: bool) -> ValidationRecord {
    let by_source = vec![
        ("a & b".to_owned(), mean_dice + 0.01),
        ("c".to_owned(), mean_dice - 0.01),
    ];
    ValidationRecord {
        iteration,
        mean_dice,
        lowest_dice: mean_dice / 2.0,
        best,
        by_source,
        seconds: 1.0,
    }
}

/// Whether every number in an attribute is finite and inside of the picture.
fn is_sound(svg: &str) -> bool {
    let attributes = svg
        .split('<')
        .filter_map(|element| Some(element.split_once('>')?.0));
    let words = attributes.flat_map(|attributes| attributes.split(['"', ' ', ',', 'M', 'h']));
    words
        .filter_map(|word| word.parse::<f64>().ok())
        .all(|number| (0.0..=960.0).contains(&number))
}

#[test]
fn a_run_that_has_just_begun_has_a_picture() {
    let svg = draw(&[], &[]);
    assert!(is_sound(&svg), "{svg}");
    assert!(svg.contains("no validation yet"));
    assert_eq!(svg.matches(">1<").count(), 1, "an iteration is whole");
    assert_eq!(
        svg.matches("<polyline").count() + svg.matches("<path").count(),
        0
    );
}

#[test]
fn one_entry_is_a_dot() {
    let svg = draw(&[step(50, 0.7)], &[]);
    assert!(is_sound(&svg), "{svg}");
    assert!(svg.contains("class=\"curve s0 dot\""), "{svg}");
    assert!(svg.contains("no validation yet"));
    let svg = draw(&[], &[validated(200, 0.9, true)]);
    assert!(is_sound(&svg), "{svg}");
    assert!(svg.contains("class=\"curve all dot\"") && svg.contains("class=\"curve s1 dot\""));
}

#[test]
fn a_loss_that_is_no_number_is_a_hole_with_a_word() {
    let steps = [
        step(50, 0.7),
        step(100, f64::NAN),
        step(150, f64::INFINITY),
        step(200, 0.5),
    ];
    let svg = draw(&steps, &[]);
    assert!(is_sound(&svg), "{svg}");
    assert!(svg.contains("the loss is not finite at iteration 100, nor in 1 later entries"));
    assert_eq!(svg.matches("class=\"curve s0 dot\"").count(), 2);
    let lost = draw(&[step(50, f64::NAN)], &[]);
    assert!(
        is_sound(&lost) && lost.contains("at iteration 50<"),
        "{lost}"
    );
}

#[test]
fn the_best_is_the_last_that_was_one() {
    let found = [
        validated(200, 0.8, true),
        validated(400, 0.9, true),
        validated(600, 0.7, false),
    ];
    let svg = draw(&[step(600, 0.25)], &found);
    assert!(svg.contains("<title>600 iterations, best mean Dice 0.9000 at 400</title>"));
    assert_eq!(svg.matches("class=\"rule\"").count(), 2, "in both panels");
    assert_eq!(
        svg.matches("class=\"ring\"").count(),
        2,
        "on the curve and in the legend"
    );
    assert!(svg.contains(">a &amp; b<"));
}

#[test]
fn a_source_that_comes_late_has_a_curve() {
    let early = ValidationRecord {
        by_source: Vec::new(),
        ..validated(200, 0.8, true)
    };
    let svg = draw(&[], &[early, validated(400, 0.9, true)]);
    assert!(
        is_sound(&svg) && svg.contains("class=\"curve s0 dot\""),
        "{svg}"
    );
}

#[test]
fn a_long_run_stays_a_small_file() {
    let steps: Vec<_> = (1..50_000).map(|i| step(i, 1.0 / f64::from(i))).collect();
    let svg = draw(&steps, &[]);
    assert!(is_sound(&svg) && svg.len() < 60_000, "{}", svg.len());
}

proptest! {
    #[test]
    fn any_numbers_make_a_sound_picture(
        losses in prop::collection::vec(any::<f64>(), 0..8),
        rate in any::<f64>(),
        scores in prop::collection::vec(any::<f64>(), 0..8),
    ) {
        let steps: Vec<_> = (1..).zip(losses)
            .map(|(i, loss)| StepRecord { learning_rate: rate, ..step(i * 50, loss) })
            .collect();
        let found: Vec<_> = (1..).zip(scores).map(|(i, dice)| validated(i * 200, dice, i % 2 == 0)).collect();
        let svg = draw(&steps, &found);
        prop_assert!(is_sound(&svg), "{svg}");
    }
}
