//! Tests of data sets on disk.

mod cases_csv;
mod layouts;
mod problems;

use super::builders::{
    DataSet, add_jsrt, folders, large_phantom, lungs, montgomery, phantom, shenzhen, table,
};
use super::*;
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::radiograph::{Pixels, Radiograph};

fn names(cases: &[Case]) -> Vec<&str> {
    cases.iter().map(|case| case.name.as_str()).collect()
}

fn findings(cases: &[Case]) -> Vec<Option<&str>> {
    cases.iter().map(|case| case.finding.as_deref()).collect()
}

fn without_missing_masks(set: &DataSet) -> Result<CaseList, Problems> {
    list(
        &[set.data(None)],
        ListOptions {
            allow_missing_masks: true,
        },
    )
}

/// Asserts that each case is the phantom of its place in the list.
#[track_caller]
fn assert_phantoms(cases: &[Case]) {
    for (seed, case) in (0..).zip(cases) {
        let film = case.film().unwrap();
        assert_eq!(film, phantom(seed).film, "{}", case.name);
        assert_eq!(
            case.reference(&film).unwrap(),
            phantom(seed).mask,
            "{}",
            case.name
        );
    }
}

/// Asserts that something is wrong in as many ways as there are texts, each of them said in a line.
#[track_caller]
fn assert_says(refusal: &str, expected: &[&str]) {
    assert_eq!(refusal.lines().count(), expected.len() + 1, "{refusal}");
    for text in expected {
        assert!(refusal.contains(text), "{text}: {refusal}");
    }
}
