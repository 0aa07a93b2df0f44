//! Tests of what a run writes for each film: a mask and a row, or a row that says why there is no mask.

use std::path::Path;
use std::process::Command;

use lungfield_codec::reference::decode_reference;
use lungfield_codec::{Limits, png};
use lungfield_radiograph::geometry::Size;
use lungfield_testing::small;

use crate::workspace::{Workspace, assert_code, csv_rows, parquet_rows, stderr};

#[test]
fn every_film_has_a_row_and_every_good_one_a_mask() {
    let workspace = Workspace::with_films(6);
    workspace.write("films/notes.txt", b"no film");
    workspace.write("films/cut.png", &small::film(1, 64)[..900]);
    workspace.write("films/.hidden.png", &small::film(1, 64));
    let output = workspace.segment("out", &[]);
    assert_code(&output, 3);
    assert_eq!(
        String::from_utf8(output.stdout)
            .unwrap()
            .split(", ")
            .take(2)
            .collect::<Vec<_>>(),
        ["8 films: 6 masks", "2 without one"]
    );
    let mut rows = workspace.rows("out/results.csv");
    assert_eq!(
        parquet_rows(&workspace.path("out/results.parquet")),
        csv_rows(&workspace.path("out/results.csv"))
    );
    rows.sort_by(|one, other| one.file.cmp(&other.file));
    let errors: Vec<_> = rows.iter().filter_map(|row| row.error.as_deref()).collect();
    assert_eq!(errors, ["undecodable_image", "unrecognised_image"]);
    for row in rows.iter().filter(|row| row.error.is_none()) {
        let name = Path::new(&row.file)
            .strip_prefix(workspace.path("films"))
            .unwrap();
        assert_eq!(
            row.mask.as_deref(),
            Some(&*format!("masks/{}.png", name.display()))
        );
        let mask = fs_err::read(workspace.path("out").join(row.mask.as_ref().unwrap())).unwrap();
        let mask = decode_reference(&mask, Size::new(64, 64).unwrap(), &Limits::default()).unwrap();
        assert_eq!(row.area_px, Some(mask.area_px()));
        let digest = lungfield_support::sha256::hex(&fs_err::read(&row.file).unwrap());
        assert_eq!(row.sha256.as_deref(), Some(&*digest));
    }
}

#[test]
fn films_are_measured_against_reference_masks_of_their_name() {
    let workspace = Workspace::with_films(3);
    workspace.write("masks/1.png", &small::reference(1, 64));
    workspace.write("masks/deep/0_mask.png", &small::reference(0, 64));
    let references = format!("--reference={}", workspace.path("masks").display());
    assert_code(&workspace.segment("out", &[&references]), 0);
    let measured = |name: &str| {
        let rows = workspace.rows("out/results.csv");
        rows.into_iter()
            .find(|row| row.file.ends_with(name))
            .unwrap()
            .dice
            .is_some()
    };
    assert!(measured("1.png") && measured("deep/0.png") && !measured("films/2.png"));

    // A run that is measured against its own masks has a Dice of 1.
    let own = format!("--reference={}", workspace.path("out/masks").display());
    assert_code(&workspace.segment("again", &[&own, "--format=rle"]), 0);
    let rows = workspace.rows("again/results.csv");
    assert!(rows.iter().all(|row| row.dice == Some(1.0)), "{rows:?}");
    assert!(
        rows.iter()
            .all(|row| row.mask.as_ref().unwrap().ends_with(".png.json"))
    );
}

#[test]
fn films_are_named_in_the_table_and_never_in_the_log() {
    let workspace = Workspace::new();
    workspace.write("films/Miller^Anna.png", &small::film(1, 64));
    workspace.write("films/Mueller^Otto.png", b"no film");
    let output = workspace.segment("out", &["--log-filter=trace"]);
    assert_code(&output, 3);
    assert!(
        stderr(&output).contains("model loaded"),
        "{}",
        stderr(&output)
    );
    for text in [stderr(&output), String::from_utf8(output.stdout).unwrap()] {
        assert!(
            !text.contains("Miller") && !text.contains("Mueller"),
            "{text}"
        );
    }
    let table = fs_err::read_to_string(workspace.path("out/results.csv")).unwrap();
    assert!(table.contains("Miller^Anna.png") && table.contains("Mueller^Otto.png"));
}

#[test]
fn an_odd_film_is_passed_over_and_keeps_nobody_from_his_mask() {
    let workspace = Workspace::with_films(2);
    let long = format!("films/{}.png", "x".repeat(250));
    workspace.write(&long, &small::film(1, 64));
    workspace.write("films/a", &small::film(2, 64));
    workspace.write("films/a.png/b", &small::film(3, 64));
    std::os::unix::fs::symlink("nowhere", workspace.path("films/broken.png")).unwrap();
    std::os::unix::fs::symlink(workspace.path("films"), workspace.path("films/loop")).unwrap();
    let pipe = workspace.path("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    assert_code(&workspace.segment("out", &[pipe.to_str().unwrap()]), 3);
    let rows = workspace.rows("out/results.csv");
    let failed = |name: &str| {
        let row = rows
            .iter()
            .find(|row| row.file.ends_with(name))
            .unwrap_or_else(|| panic!("{name}: {rows:?}"));
        row.error.clone()
    };
    assert_eq!(failed(&long).as_deref(), Some("unnameable"));
    for name in ["broken.png", "films/loop", "pipe"] {
        assert_eq!(failed(name).as_deref(), Some("unreadable"), "{name}");
    }
    // The mask of one is a file where the mask of the other needs a folder, so one of them fails.
    assert_eq!(
        [failed("films/a"), failed("a.png/b")]
            .iter()
            .filter(|error| error.is_none())
            .count(),
        1
    );
    assert_eq!((failed("/0.png"), failed("/1.png")), (None, None));
}

#[test]
fn a_film_above_the_limits_is_passed_over() {
    let workspace = Workspace::with_films(1);
    workspace.write(
        "films/large.png",
        &png::encode_radiograph(&small::phantom(1, 300, 300).film),
    );
    let most = format!("--max-file={}", small::film(0, 64).len() + 100);
    assert_code(&workspace.segment("bytes", &[&most]), 3);
    assert_code(&workspace.segment("pixels", &["--max-pixels=5000"]), 3);
    for (out, error) in [("bytes", "file_too_large"), ("pixels", "too_many_pixels")] {
        let rows = workspace.rows(&format!("{out}/results.csv"));
        let found: Vec<_> = rows.iter().filter_map(|row| row.error.as_deref()).collect();
        assert_eq!(found, [error]);
    }
}
