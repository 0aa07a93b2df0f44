//! Tests that runs go on where they stopped, share an archive in parts, and never write over each other.

use rustix::process::{Pid, Signal, kill_process};

use crate::workspace::{IN_FLIGHT, Workspace, assert_code, count_files, stderr};

/// The rows that a run holds before it keeps them.
const ROWS: usize = 32;

#[test]
fn a_run_that_is_done_is_not_done_again() {
    let workspace = Workspace::with_films(5);
    assert_code(&workspace.segment("out", &[]), 0);
    let (masks, table) = (
        workspace.masks("out"),
        fs_err::read(workspace.path("out/results.parquet")).unwrap(),
    );
    assert_code(&workspace.segment("out", &[]), 0);
    assert_eq!(workspace.masks("out"), masks);
    assert_eq!(
        fs_err::read(workspace.path("out/results.parquet")).unwrap(),
        table
    );
    let refused = workspace.segment("out", &["--threshold=0.25"]);
    assert_code(&refused, 1);
    assert!(
        stderr(&refused).contains("(threshold)"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn a_killed_run_goes_on_and_computes_little_again() {
    let workspace = Workspace::with_films(500);
    let mut killed = workspace.spawn("out");
    workspace.wait_for_rows("out", 0);
    kill_process(Pid::from_child(&killed), Signal::KILL).unwrap();
    killed.wait().unwrap();
    let before = workspace.masks("out");
    assert!(before.len() < 500, "the run ended before it was killed");

    assert_code(&workspace.segment("out", &[]), 0);
    let after = workspace.masks("out");
    assert_eq!(after.len(), 500);
    let again = before
        .iter()
        .filter(|(mask, inode)| after[*mask] != **inode)
        .count();
    assert!(
        again <= IN_FLIGHT + ROWS,
        "{again} of {} films were segmented again",
        before.len()
    );
    assert!(again < before.len(), "every film was segmented again");
    let mut files: Vec<_> = workspace
        .rows("out/results.csv")
        .into_iter()
        .map(|row| row.file)
        .collect();
    files.sort();
    files.dedup();
    assert_eq!(files.len(), 500);
    // Its masks are those of a run that was not interrupted.
    assert_code(&workspace.segment("whole", &[]), 0);
    for mask in after.keys() {
        let name = mask.strip_prefix(workspace.path("out")).unwrap();
        assert_eq!(
            fs_err::read(mask).unwrap(),
            fs_err::read(workspace.path("whole").join(name)).unwrap()
        );
    }
}

#[test]
fn a_run_that_is_asked_to_stop_finishes_what_it_has_in_hand() {
    let workspace = Workspace::with_films(500);
    for signal in [Signal::TERM, Signal::INT] {
        let rows = count_files(&workspace.path("out/state/0-of-1/rows"));
        let asked = workspace.spawn("out");
        workspace.wait_for_rows("out", rows);
        kill_process(Pid::from_child(&asked), signal).unwrap();
        let output = asked.wait_with_output().unwrap();
        assert_code(&output, 130);
        assert!(
            stderr(&output).contains("run the same command again"),
            "{}",
            stderr(&output)
        );
    }
    let before = workspace.masks("out");
    assert_code(&workspace.segment("out", &[]), 0);
    let after = workspace.masks("out");
    assert!(
        before.iter().all(|(mask, inode)| after[mask] == *inode),
        "no mask was written again"
    );
    assert_eq!(workspace.rows("out/results.csv").len(), 500);
}

#[test]
fn parts_of_an_archive_make_up_the_whole() {
    let workspace = Workspace::with_films(12);
    for part in ["--shard=0/3", "--shard=1/3", "--shard=2/3"] {
        assert_code(&workspace.segment("out", &[part]), 0);
    }
    let tables = (0..3).map(|part| workspace.rows(&format!("out/results-{part}-of-3.csv")));
    let mut files: Vec<_> = tables.flatten().map(|row| row.file).collect();
    files.sort();
    files.dedup();
    assert_eq!(files.len(), 12);
    assert_eq!(workspace.masks("out").len(), 12);
}

#[test]
fn a_second_worker_of_the_same_part_stops() {
    let workspace = Workspace::with_films(40);
    assert_code(&workspace.segment("out", &[]), 0);
    // The ledger of another worker that still runs: its next rows are kept, the first are not.
    let rows = workspace.path("out/state/0-of-1/rows");
    fs_err::remove_file(rows.join("000000000000.jsonl")).unwrap();
    fs_err::rename(
        rows.join("000000000032.jsonl"),
        rows.join("000000000000.jsonl"),
    )
    .unwrap();
    fs_err::write(rows.join("000000000008.jsonl"), b"").unwrap();
    let output = workspace.segment("out", &[]);
    assert_code(&output, 1);
    assert!(
        stderr(&output).contains("another worker"),
        "{}",
        stderr(&output)
    );
}
