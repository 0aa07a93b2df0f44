//! Pins flags and exit codes of `lungfield-train` and `lungfield-evaluate`, by literal values in `tests/fixtures/pinned`.

use lungfield_testing::pinned::{assert_pinned, flags};
use lungfield_testing::program::run;

use crate::{EVALUATE, TRAIN};

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn flags_are_pinned() {
    assert_pinned(PACKAGE, "flags-train.txt", &flags(TRAIN));
    assert_pinned(PACKAGE, "flags-evaluate.txt", &flags(EVALUATE));
}

#[test]
fn exit_codes_are_pinned() {
    for (program, arguments, code) in [
        (TRAIN, &["--help"][..], 0),
        (TRAIN, &[], 2),
        (TRAIN, &["--data=nowhere", "--out=nowhere"], 1),
        (EVALUATE, &["--help"], 0),
        (EVALUATE, &[], 2),
        (EVALUATE, &["--data=nowhere", "--model=nowhere"], 1),
    ] {
        let output = run(program, arguments);
        assert_eq!(output.status.code(), Some(code), "{program} {arguments:?}");
    }
}
