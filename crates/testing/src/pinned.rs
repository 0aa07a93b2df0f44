//! Pins what callers and stores rely on, by literal values in files.
//!
//! A change of a pinned value comes in the commit that explains it, with a line in CHANGELOG.

use std::path::Path;

use crate::program::run;

/// Compares a text with the pinned file of this name in `tests/fixtures/pinned` of a package.
///
/// # Panics
/// Panics if they differ. The text is written to `target/pinned` of the package, to be compared with the file.
#[track_caller]
pub fn assert_pinned(package: &str, name: &str, found: &str) {
    let root = Path::new(package);
    let pinned = fs_err::read_to_string(root.join("tests/fixtures/pinned").join(name));
    if pinned.as_deref().ok() == Some(found) {
        return;
    }
    let folder = root.join("target/pinned");
    fs_err::create_dir_all(&folder).unwrap();
    fs_err::write(folder.join(name), found).unwrap();
    let pinned = pinned.unwrap_or_default();
    let line = (1..)
        .zip(pinned.lines().zip(found.lines()))
        .find(|(_, (pinned, found))| pinned != found);
    panic!(
        "{name} differs, first at {line:?}; all of it is in {}",
        folder.display()
    );
}

/// Returns the flags of a program from its help: names, values, variables, defaults and choices, without descriptions.
#[must_use]
pub fn flags(program: &str) -> String {
    let output = run(program, ["--help"]);
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    help.lines().filter_map(fact).collect()
}

/// Returns a line of a program's help without its description; `None` if it has nothing else.
fn fact(line: &str) -> Option<String> {
    let line = line.trim();
    if let Some(choice) = line.strip_prefix("- ") {
        return Some(format!("- {}\n", choice.split(':').next()?));
    }
    let is_fact = line.starts_with('-') || line.starts_with('[') && line.contains(": ");
    is_fact.then(|| format!("{}\n", line.split("  ").next().unwrap_or_default()))
}
