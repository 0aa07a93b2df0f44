//! Pins flags and exit codes of `lungfield-segment`, and the columns of its table, by literal values in `tests/fixtures/pinned`.

use lungfield_testing::pinned::{assert_pinned, flags};
use lungfield_testing::program::run;
use lungfield_testing::small;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::printer::print_schema;

use crate::workspace::SEGMENT;

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn flags_are_pinned() {
    assert_pinned(PACKAGE, "flags-segment.txt", &flags(SEGMENT));
}

#[test]
fn exit_codes_are_pinned() {
    for (arguments, code) in [
        (&["--help"][..], 0),
        (&[], 2),
        (&["nowhere", "--out=nowhere", "--threshold=2"], 2),
        (
            &["nowhere", "--out=/dev/null/nowhere", "--model=nowhere"],
            1,
        ),
    ] {
        assert_eq!(
            run(SEGMENT, arguments).status.code(),
            Some(code),
            "{arguments:?}"
        );
    }
}

#[test]
fn columns_of_the_table_are_pinned() {
    let (model, root) = (small::model(), tempfile::tempdir().unwrap());
    let (film, out) = (root.path().join("film.png"), root.path().join("out"));
    fs_err::write(&film, small::film(1, 64)).unwrap();
    let fixed = ["--device=cpu", "--precision=f32", "--threads=1"].map(str::to_owned);
    let named = [
        film.display().to_string(),
        format!("--model={}", model.path().display()),
        format!("--out={}", out.display()),
    ];
    assert_eq!(
        run(SEGMENT, fixed.iter().chain(&named)).status.code(),
        Some(0)
    );
    let csv = fs_err::read_to_string(out.join("results.csv")).unwrap();
    let table = std::fs::File::open(out.join("results.parquet")).unwrap();
    let table = SerializedFileReader::new(table).unwrap();
    let mut schema = Vec::new();
    print_schema(&mut schema, table.metadata().file_metadata().schema());
    let schema = String::from_utf8(schema).unwrap();
    let header = csv.lines().next().unwrap();
    assert_pinned(PACKAGE, "table.txt", &format!("{header}\n{schema}\n"));
}
