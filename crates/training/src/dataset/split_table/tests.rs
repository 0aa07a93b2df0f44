//! Tests of the split table.

use super::csv_file::{COLUMNS, from_csv, to_csv};
use super::*;
use crate::dataset::builders::{case, phantom};

/// Three cases of two films, the first of which is there twice, and a case that is not used.
fn films() -> Vec<(Case, FilmDigest)> {
    let film = |seed| FilmDigest::of(&phantom(seed).film);
    vec![
        (
            case("b", "p, \"the\" first", "x", Some(Split::Train)),
            film(0),
        ),
        (case("a", "q", "y", Some(Split::Test)), film(1)),
        (case("a", "p", "z\nz", Some(Split::Train)), film(0)),
        (case("a", "r", "w", None), film(2)),
    ]
}

fn table() -> SplitTable {
    SplitTable::new(films().iter().map(|(case, film)| (case, *film))).unwrap()
}

fn refusal(bytes: &[u8]) -> (u64, String) {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join(SPLITS), bytes).unwrap();
    match SplitTable::read(folder.path()) {
        Err(SplitTableError::Damaged { path, line, reason }) => {
            assert_eq!(path, folder.path().join(SPLITS));
            (line, reason)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    table().write(folder.path()).unwrap();
    let read = SplitTable::read(folder.path()).unwrap().unwrap();
    assert_eq!(read, table());
    let found: Vec<_> = films()
        .iter()
        .map(|(case, film)| read.split_of(film, case))
        .collect();
    assert_eq!(
        found,
        [
            Some(Split::Train),
            Some(Split::Test),
            Some(Split::Train),
            None
        ]
    );
    let resized = FilmDigest::of(&phantom(9).film);
    let of_patient = |patient| read.split_of(&resized, &case("a", patient, "v", None));
    assert_eq!(
        [of_patient("q"), of_patient("r")],
        [Some(Split::Test), None]
    );
    let empty = SplitTable::default();
    empty.write(folder.path()).unwrap();
    assert_eq!(SplitTable::read(folder.path()).unwrap(), Some(empty));
}

#[test]
fn the_bytes_do_not_depend_on_the_order() {
    let mut films = films();
    films.reverse();
    let reversed = SplitTable::new(films.iter().map(|(case, film)| (case, *film))).unwrap();
    assert_eq!(to_csv(&reversed), to_csv(&table()));
    let text = String::from_utf8(to_csv(&table())).unwrap();
    assert!(
        text.starts_with("film_sha256,split,source,patient,case\n"),
        "{text}"
    );
    let line = format!("{},test,a,q,y\n", films[2].1);
    assert!(text.contains(&line), "{text}");
}

#[test]
fn a_film_is_in_one_split() {
    let mut films = films();
    films[2].0.split = Some(Split::Test);
    let error = SplitTable::new(films.iter().map(|(case, film)| (case, *film))).unwrap_err();
    assert_eq!(
        error,
        TwoSplits {
            film: films[0].1,
            first: Split::Train,
            second: Split::Test
        }
    );
}

#[test]
fn a_damaged_table_is_refused_with_its_line() {
    let header = COLUMNS.join(",");
    let digest = films()[0].1.to_string();
    let line = format!("{digest},train,a,p,x");
    for (rest, line, says) in [
        (format!("{line}\n{digest},train,a\n"), 3, "3 of 5 fields"),
        (format!("{line}\n{digest},holiday,a,p,x\n"), 3, "holiday"),
        (
            format!("{},train,a,p,x\n", &digest[1..]),
            2,
            "64 hexadecimal digits",
        ),
        (
            format!("{line}\n{digest},test,a,p,y\n"),
            3,
            "in the split train and in test",
        ),
        (format!("{line}\n{digest},train,a,p,y"), 3, "ends early"),
    ] {
        let (found, reason) = refusal(format!("{header}\n{rest}").as_bytes());
        assert!(found == line && reason.contains(says), "{found}: {reason}");
    }
    for bad in ["", "film_sha256,split,source,patient\n", "a,b,c,d,e\n"] {
        let (found, reason) = refusal(bad.as_bytes());
        assert!(found == 1 && reason.contains(&header), "{found}: {reason}");
    }
    let (found, _) = refusal(&[header.as_bytes(), b"\n\xff,train,a,p,x\n"].concat());
    assert_eq!(found, 2);
}

#[test]
fn a_table_that_is_cut_within_a_line_is_refused() {
    let bytes = to_csv(&table());
    for length in 0..bytes.len() {
        let cut = &bytes[..length];
        let read = from_csv(cut);
        assert!(read.is_err() || cut.ends_with(b"\n"), "cut at {length}");
    }
}

#[test]
fn a_directory_without_a_table_is_no_error_and_one_that_can_not_be_read_is() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(SplitTable::read(folder.path()).unwrap(), None);
    fs_err::create_dir(folder.path().join(SPLITS)).unwrap();
    let error = SplitTable::read(folder.path()).unwrap_err();
    assert!(error.to_string().contains(SPLITS), "{error}");
}
