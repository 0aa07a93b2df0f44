//! Tests of the assignment of splits.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::dataset::builders::case;

const OPTIONS: SplitOptions = SplitOptions {
    seed: 1,
    validation: 0.1,
    test: 0.2,
};

/// Cases of one source: a film each of as many patients, of whom nothing is known.
fn singles(source: &str, count: usize) -> Vec<Case> {
    (0..count)
        .map(|at| case(source, &format!("p{at}"), &format!("f{at}"), None))
        .collect()
}

fn with_finding(
    mut cases: Vec<Case>,
    finding: impl Fn(usize) -> Option<&'static str>,
) -> Vec<Case> {
    for (at, case) in cases.iter_mut().enumerate() {
        case.finding = finding(at).map(str::to_owned);
    }
    cases
}

fn assigned(mut cases: Vec<Case>, options: &SplitOptions) -> Vec<Case> {
    assign(&mut cases, options).unwrap();
    cases
}

/// Films to train on, to validate on and to test on.
fn counts<'a>(cases: impl IntoIterator<Item = &'a Case>) -> [usize; 3] {
    let mut counts = [0; 3];
    for case in cases {
        let place = Split::ALL
            .iter()
            .position(|split| Some(*split) == case.split)
            .unwrap();
        counts[place] += 1;
    }
    counts
}

#[test]
fn round_shares_are_met_exactly() {
    assert_eq!(counts(&assigned(singles("a", 100), &OPTIONS)), [70, 10, 20]);
    assert_eq!(counts(&assigned(singles("a", 10), &OPTIONS)), [7, 1, 2]);
    let all = SplitOptions {
        validation: 0.0,
        test: 1.0,
        ..OPTIONS
    };
    assert_eq!(counts(&assigned(singles("a", 7), &all)), [0, 0, 7]);
    let none = SplitOptions {
        validation: 0.0,
        test: 0.0,
        ..OPTIONS
    };
    assert_eq!(counts(&assigned(singles("a", 7), &none)), [7, 0, 0]);
}

#[test]
fn every_source_and_every_finding_has_its_shares() {
    let words = ["normal", "tuberculosis", "Normal", "nodule"];
    let first = with_finding(singles("a", 200), |at| Some(words[at % 4]));
    let second = with_finding(singles("b", 60), |at| {
        Some(words[at % 4]).filter(|_| at < 40)
    });
    let cases = assigned([first, second].concat(), &OPTIONS);
    let stratum = |source: &str, finding| {
        counts(
            cases
                .iter()
                .filter(|case| case.source == source && FindingGroup::of(case) == finding),
        )
    };
    assert_eq!(stratum("a", FindingGroup::Normal), [70, 10, 20]);
    assert_eq!(stratum("a", FindingGroup::Other), [70, 10, 20]);
    for finding in [
        FindingGroup::Unknown,
        FindingGroup::Normal,
        FindingGroup::Other,
    ] {
        assert_eq!(stratum("b", finding), [14, 2, 4]);
    }
}

#[test]
fn what_a_small_stratum_can_not_have_another_makes_good() {
    let cases = with_finding(singles("a", 10), |at| {
        [None, Some("normal"), Some("x")][at % 3]
    });
    let options = SplitOptions {
        validation: 0.1,
        test: 0.1,
        ..OPTIONS
    };
    assert_eq!(counts(&assigned(cases, &options)), [8, 1, 1]);
}

#[test]
fn a_patients_films_stay_together_and_patients_of_another_source_are_others() {
    let films = |source: &str| -> Vec<Case> {
        (0..60)
            .map(|at| case(source, &format!("p{}", at / 3), &format!("f{at}"), None))
            .collect()
    };
    let cases = assigned([films("a"), films("b")].concat(), &OPTIONS);
    assert!(
        cases
            .chunks(3)
            .all(|films| films.iter().all(|film| film.split == films[0].split))
    );
    let splits = |cases: &[Case]| cases.iter().map(|case| case.split).collect::<Vec<_>>();
    assert_ne!(
        splits(&cases[..60]),
        splits(&cases[60..]),
        "each source has a draw of its own"
    );
    assert_eq!(counts(&cases[..60]), [42, 6, 12]);
}

#[test]
fn a_patient_of_many_films_brings_no_share_out_of_balance() {
    let mut cases = singles("a", 9);
    cases.extend((0..9).map(|at| case("a", "many", &format!("m{at}"), None)));
    for seed in 0..20 {
        let options = SplitOptions {
            seed,
            validation: 0.5,
            test: 0.0,
        };
        assert_eq!(counts(&assigned(cases.clone(), &options)), [9, 9, 0]);
    }
}

#[test]
fn a_patient_with_a_finding_on_one_film_has_one() {
    let mut cases = [
        case("a", "p", "1", None),
        case("a", "p", "2", None),
        case("a", "p", "3", None),
    ];
    cases[1].finding = Some("nodule".to_owned());
    cases[2].finding = Some("normal".to_owned());
    assert_eq!(patients(&cases)["a"]["p"].finding, FindingGroup::Other);
}

#[test]
fn a_split_that_is_given_is_kept_by_all_of_a_patients_films() {
    let mut cases = singles("a", 40);
    cases.push(case("a", "p3", "more", None));
    cases.push(case("b", "p3", "another", None));
    cases[3].split = Some(Split::Test);
    cases[9].split = Some(Split::Validation);
    let cases = assigned(
        cases,
        &SplitOptions {
            validation: 0.0,
            test: 0.0,
            ..OPTIONS
        },
    );
    for (at, case) in cases.iter().enumerate() {
        let expected = match at {
            3 | 40 => Split::Test,
            9 => Split::Validation,
            _ => Split::Train,
        };
        assert_eq!(case.split, Some(expected), "{at}");
    }
}

#[test]
fn shares_are_those_of_the_films_without_a_split() {
    let mut cases = singles("a", 110);
    cases[..10]
        .iter_mut()
        .for_each(|case| case.split = Some(Split::Test));
    assert_eq!(counts(&assigned(cases, &OPTIONS)[10..]), [70, 10, 20]);
}

#[test]
fn patients_in_several_splits_are_problems_and_nothing_is_changed() {
    let mut cases = [
        case("a", "p", "1", Some(Split::Test)),
        case("a", "p", "2", Some(Split::Train)),
        case("a", "q", "3", None),
        case("b", "p", "4", Some(Split::Validation)),
    ];
    let before = cases.clone();
    let problems = assign(&mut cases, &OPTIONS).unwrap_err();
    assert_eq!(problems.all().len(), 1);
    assert!(
        problems
            .to_string()
            .contains("patient p of a is in several splits: train, test"),
        "{problems}"
    );
    assert_eq!(cases, before);
}

#[test]
fn impossible_shares_are_refused() {
    for (validation, test) in [
        (0.6, 0.5),
        (-0.1, 0.5),
        (0.1, f64::NAN),
        (f64::INFINITY, 0.0),
        (0.0, 1.1),
    ] {
        let options = SplitOptions {
            seed: 1,
            validation,
            test,
        };
        let problems = assign(&mut singles("a", 3), &options).unwrap_err();
        assert!(
            matches!(problems.all(), [Problem::Shares { .. }]),
            "{problems}"
        );
    }
}

#[test]
fn the_seed_decides_and_another_source_does_not() {
    let alone = assigned(singles("a", 50), &OPTIONS);
    assert_eq!(alone, assigned(singles("a", 50), &OPTIONS));
    assert_ne!(
        alone,
        assigned(singles("a", 50), &SplitOptions { seed: 2, ..OPTIONS })
    );
    let together = assigned([singles("0", 7), singles("a", 50)].concat(), &OPTIONS);
    assert_eq!(together[7..], alone);
}

/// Cases of a few sources, findings and given splits, with up to four films for each patient.
fn any_cases() -> impl Strategy<Value = Vec<Case>> {
    let patient = (0..3_usize, 1..=4_usize, 0..3_usize, 0..8_usize);
    prop::collection::vec(patient, 1..60).prop_map(|patients| {
        let films =
            patients
                .iter()
                .enumerate()
                .flat_map(|(at, &(source, films, finding, split))| {
                    (0..films).map(move |film| {
                        let split = Split::ALL.get(split).copied().filter(|_| film == 0);
                        let (patient, name) = (format!("p{at}"), format!("{at}-{film}"));
                        let mut case = case(["a", "b", "c"][source], &patient, &name, split);
                        case.finding =
                            [None, Some("normal"), Some("x")][finding].map(str::to_owned);
                        case
                    })
                });
        films.collect()
    })
}

proptest! {
    #[test]
    fn the_order_of_the_list_does_not_matter(cases in any_cases(), seed: u64) {
        let mut order: Vec<_> = (0..cases.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let options = SplitOptions { seed, ..OPTIONS };
        let shuffled = order.iter().map(|&at| cases[at].clone()).collect();
        let (plain, shuffled) = (assigned(cases, &options), assigned(shuffled, &options));
        prop_assert!(order.iter().zip(&shuffled).all(|(&at, case)| *case == plain[at]));
    }

    #[test]
    fn patients_are_whole_and_given_splits_are_kept(cases in any_cases(), seed: u64) {
        let given = cases.clone();
        let cases = assigned(cases, &SplitOptions { seed, ..OPTIONS });
        let mut patients = BTreeMap::new();
        for (case, given) in cases.iter().zip(&given) {
            prop_assert!(given.split.is_none() || given.split == case.split);
            let split = *patients.entry((&case.source, &case.patient)).or_insert(case.split);
            prop_assert_eq!(split, case.split);
        }
    }

    #[test]
    fn a_source_has_its_shares_to_less_than_a_film(
        findings in prop::collection::vec(0..3_usize, 1..200),
        seed: u64,
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (validation, test) = (rng.random_range(0.0..0.5), rng.random_range(0.0..0.5));
        let options = SplitOptions { seed, validation, test };
        let cases = with_finding(singles("a", findings.len()), |at| [None, Some("normal"), Some("x")][findings[at]]);
        let cases = assigned(cases, &options);
        let shares = [1.0 - validation - test, validation, test];
        for (count, share) in counts(&cases).into_iter().zip(shares) {
            prop_assert!((count as f64 - share * cases.len() as f64).abs() < 1.0);
        }
        for finding in [FindingGroup::Unknown, FindingGroup::Normal, FindingGroup::Other] {
            let stratum: Vec<_> = cases.iter().filter(|case| FindingGroup::of(case) == finding).collect();
            for (count, share) in counts(stratum.iter().copied()).into_iter().zip(shares) {
                prop_assert!((count as f64 - share * stratum.len() as f64).abs() < 2.0);
            }
        }
    }
}
