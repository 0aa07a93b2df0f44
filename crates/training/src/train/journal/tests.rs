//! Tests of the files that new, resumed and killed runs leave in a folder.

use std::time::{Duration, UNIX_EPOCH};

use super::*;

/// The clock stands still, at second 1,764,000,000.
fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(490_000)
}

fn open(folder: &Path, done: u32) -> Journal {
    Journal::with_clock(folder, done, clock).unwrap()
}

fn step(iteration: u32) -> StepRecord {
    let loss = 1.0 / f64::from(iteration);
    StepRecord {
        iteration,
        loss,
        learning_rate: 0.05,
        images_per_second: 12.0,
        wait_share: 0.25,
    }
}

fn validated(iteration: u32) -> ValidationRecord {
    let by_source = vec![("ward".to_owned(), 0.9)];
    ValidationRecord {
        iteration,
        mean_dice: 0.9,
        lowest_dice: 0.5,
        best: true,
        by_source,
        seconds: 2.0,
    }
}

/// A folder with the record of a run that was stopped after 150 iterations.
fn stopped() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path(), 0);
    journal.step(&step(50)).unwrap();
    journal.step(&step(100)).unwrap();
    journal.validation(&validated(100)).unwrap();
    journal.step(&step(150)).unwrap();
    folder
}

fn metrics(folder: &Path) -> String {
    fs_err::read_to_string(folder.join(METRICS)).unwrap()
}

fn iterations(folder: &Path) -> Vec<u64> {
    let iteration = |line| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["iteration"]
            .as_u64()
            .unwrap()
    };
    metrics(folder).lines().map(iteration).collect()
}

/// The names of the event files, and what is in the last.
fn events(folder: &Path) -> (Vec<String>, Vec<u8>) {
    let names = fs_err::read_dir(folder)
        .unwrap()
        .map(|found| found.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.contains("tfevents")).collect();
    names.sort();
    let bytes = fs_err::read(folder.join(names.last().unwrap())).unwrap();
    (names, bytes)
}

#[test]
fn a_new_run_makes_its_folder_and_three_files() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("run");
    open(&folder, 0).finish().unwrap();
    assert_eq!(metrics(&folder), "");
    assert_eq!(
        events(&folder).0,
        ["events.out.tfevents.1764000000.lungfield"]
    );
    assert!(
        fs_err::read_to_string(folder.join(CURVES))
            .unwrap()
            .contains("no validation yet")
    );
    assert_eq!(fs_err::read_dir(&folder).unwrap().count(), 3);
}

#[test]
fn entries_are_there_as_soon_as_they_are_written() {
    let folder = stopped();
    assert_eq!(iterations(folder.path()), [50, 100, 100, 150]);
    let entries = record::kept(metrics(folder.path()).as_bytes(), 150).unwrap();
    assert_eq!(
        events(folder.path()).1,
        tensorboard::file(&entries, clock())
    );
    assert!(
        fs_err::read_to_string(folder.path().join(CURVES))
            .unwrap()
            .contains("best mean Dice 0.9000")
    );
}

#[test]
fn a_resumed_run_reads_as_one_that_was_never_stopped() {
    let folder = stopped();
    let mut journal = open(folder.path(), 100);
    journal.step(&step(150)).unwrap();
    journal.validation(&validated(200)).unwrap();
    journal.finish().unwrap();

    let unbroken = tempfile::tempdir().unwrap();
    let mut journal = open(unbroken.path(), 0);
    journal.step(&step(50)).unwrap();
    journal.step(&step(100)).unwrap();
    journal.validation(&validated(100)).unwrap();
    journal.step(&step(150)).unwrap();
    journal.validation(&validated(200)).unwrap();
    journal.finish().unwrap();

    assert_eq!(metrics(folder.path()), metrics(unbroken.path()));
    assert_eq!(events(folder.path()).1, events(unbroken.path()).1);
    let curves = |folder: &Path| fs_err::read(folder.join(CURVES)).unwrap();
    assert_eq!(curves(folder.path()), curves(unbroken.path()));
}

#[test]
fn resumed_runs_have_one_event_file_with_anything_in_it_and_it_is_the_last_by_name() {
    let folder = stopped();
    fs_err::write(
        folder.path().join("events.out.tfevents.1.elsewhere"),
        "not ours",
    )
    .unwrap();
    for resumed in 1..=3 {
        let _journal = open(folder.path(), 100);
        // The clock has not moved on; the names have.
        let name = |count: u32| format!("events.out.tfevents.{}.lungfield", 1_764_000_000 + count);
        let (emptied, last) = (name(resumed - 1), name(resumed));
        assert_eq!(
            events(folder.path()).0,
            ["events.out.tfevents.1.elsewhere", &emptied, &last]
        );
        assert_eq!(
            fs_err::metadata(folder.path().join(emptied)).unwrap().len(),
            0
        );
        assert!(events(folder.path()).1.len() > 200);
    }
}

#[test]
fn a_new_run_in_an_old_folder_keeps_nothing() {
    let folder = stopped();
    open(folder.path(), 0).finish().unwrap();
    assert_eq!(metrics(folder.path()), "");
    assert_eq!(events(folder.path()).1, tensorboard::file(&[], clock()));
}

#[test]
fn a_killed_run_goes_on_wherever_it_was_cut() {
    let folder = stopped();
    let whole = metrics(folder.path());
    let entries: Vec<_> = whole.split_inclusive('\n').collect();
    let cut = entries[..3].concat() + &entries[3][..20];
    fs_err::write(folder.path().join(METRICS), cut).unwrap();
    let mut journal = open(folder.path(), 1000);
    journal.step(&step(150)).unwrap();
    assert_eq!(metrics(folder.path()), whole);
}

#[test]
fn an_unreadable_record_is_refused_and_left_alone() {
    let folder = stopped();
    let broken = "no JSON\n".to_owned() + &metrics(folder.path());
    fs_err::write(folder.path().join(METRICS), &broken).unwrap();
    let error = Journal::with_clock(folder.path(), 100, clock).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(
        error.to_string().contains("metrics.jsonl: line 1 "),
        "{error}"
    );
    assert_eq!(metrics(folder.path()), broken);
}

#[test]
fn a_failed_write_is_the_callers_to_handle() {
    let folder = stopped();
    let mut journal = open(folder.path(), 150);
    fs_err::remove_file(folder.path().join(CURVES)).unwrap();
    fs_err::create_dir(folder.path().join(CURVES)).unwrap();
    assert!(journal.validation(&validated(200)).is_err());
    assert!(journal.finish().is_err());
    let taken = folder.path().join("taken");
    fs_err::write(&taken, "a file").unwrap();
    assert!(Journal::open(&taken, 0).is_err());
}
