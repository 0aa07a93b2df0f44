//! The names of result files and reference masks, which follow from the name of their film.
//!
//! The mask of a film is called as the film, extension included, and has its own extension behind that: `a/film.dcm` becomes
//! `a/film.dcm.png`. So films that differ in nothing but their extension have masks of different names.

use std::collections::HashSet;

use crate::rendering::RENDERING_FORMATS;

/// What the name of a reference mask may add to the stem of its film's name: nothing, `_mask` or `-mask`.
pub const MASK_SUFFIXES: [&str; 3] = ["", "_mask", "-mask"];

/// Returns the name of the file that a film's result is written to.
///
/// ```
/// use lungfield_codec::names::result_name;
///
/// assert_eq!(result_name("a/film.dcm", "png"), "a/film.dcm.png");
/// ```
#[must_use]
pub fn result_name(film: &str, extension: &str) -> String {
    format!("{film}.{extension}")
}

/// Returns the names that the reference mask of a film may have, the first that exists being the one that counts.
///
/// These are the film's own name; its stem with each of [`MASK_SUFFIXES`], and the film's extension or `png`; and the names that
/// masks of the film are written under ([`result_name`]). A film without an extension is taken as a PNG.
///
/// ```
/// use lungfield_codec::names::reference_names;
///
/// let names = reference_names("a/film.dcm");
/// assert_eq!(names[0], "a/film.dcm");
/// assert!(names.contains(&"a/film_mask.png".to_owned()));
/// assert!(names.contains(&"a/film.dcm.json".to_owned()));
/// ```
#[must_use]
pub fn reference_names(film: &str) -> Vec<String> {
    let (folder, file) = film
        .rsplit_once('/')
        .map_or(("", film), |(folder, file)| (folder, file));
    let slash = if folder.is_empty() { "" } else { "/" };
    let (stem, extension) = file.rsplit_once('.').unwrap_or((file, "png"));
    let mut names = vec![film.to_owned()];
    for extension in [extension, "png"] {
        names.extend(
            MASK_SUFFIXES.map(|suffix| format!("{folder}{slash}{stem}{suffix}.{extension}")),
        );
    }
    let written = RENDERING_FORMATS.iter().filter(|format| format.in_archive);
    names.extend(written.map(|format| result_name(film, format.extension)));
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_mask_is_called_as_its_film_or_as_a_mask_of_it() {
        assert_eq!(
            reference_names("x/a.dcm"),
            [
                "x/a.dcm",
                "x/a_mask.dcm",
                "x/a-mask.dcm",
                "x/a.png",
                "x/a_mask.png",
                "x/a-mask.png",
                "x/a.dcm.png",
                "x/a.dcm.json",
                "x/a.dcm.dcm",
            ]
        );
        assert_eq!(reference_names("a")[..2], ["a", "a.png"]);
    }
}
