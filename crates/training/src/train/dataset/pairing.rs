//! Decides which mask belongs to which film where a data set is folders of films and masks: the one of the same name.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::case::{Case, FilmFile, ReferenceFile};
use super::layout::{FILMS, JsrtFiles, LUNG_MASKS, MASKS, SCR_MASKS, entries, has_extension};
use lungfield_codec::names::MASK_SUFFIXES;

use super::listing::Listing;
use super::problem::{CaseName, Problem};

/// The films of a data set, and what their names say.
struct Films<'a> {
    source: &'a str,
    paths: Vec<PathBuf>,
    file: fn(PathBuf) -> FilmFile,
    finding: fn(&str) -> Option<&'static str>,
}

/// Lists `images/` and `masks/`: every file there is a film or a mask, whatever its extension.
pub(super) fn list_folders(folder: &Path, source: &str, listing: &mut Listing) -> io::Result<()> {
    let (films, masks) = (folder.join("images"), folder.join("masks"));
    let paths = files(&films, None)?;
    let mut found = Masks::new(files(&masks, None)?);
    // A mask goes to the film that has its very name before it goes to one whose name it extends.
    let stems: BTreeSet<_> = paths.iter().map(|path| stem(path)).collect();
    let films = Films {
        source,
        paths,
        file: FilmFile::Picture,
        finding: |_| None,
    };
    films.pair(listing, |stem| {
        let names = MASK_SUFFIXES.map(|suffix| format!("{stem}{suffix}"));
        let mut names = names
            .iter()
            .filter(|name| *name == stem || !stems.contains(*name));
        let mask = names.find_map(|name| found.take(name));
        mask.map(ReferenceFile::Whole)
            .ok_or_else(|| masks.join(format!("{stem}.*")))
    });
    found.report(listing);
    Ok(())
}

/// Lists the Montgomery set, in which each lung has a mask of its own.
pub(super) fn list_montgomery(
    folder: &Path,
    source: &str,
    listing: &mut Listing,
) -> io::Result<()> {
    let [left, right] = LUNG_MASKS.map(|name| folder.join(name));
    let mut lungs = [
        Masks::new(files(&left, Some("png"))?),
        Masks::new(files(&right, Some("png"))?),
    ];
    let paths = files(&folder.join(FILMS), Some("png"))?;
    let films = Films {
        source,
        paths,
        file: FilmFile::Picture,
        finding: nlm_finding,
    };
    films.pair(listing, |stem| {
        let expected = [&left, &right].map(|folder| folder.join(format!("{stem}.png")));
        both(&mut lungs, stem, expected).map(ReferenceFile::Lungs)
    });
    for masks in lungs {
        masks.report(listing);
    }
    Ok(())
}

/// Lists the Shenzhen set.
pub(super) fn list_shenzhen(folder: &Path, source: &str, listing: &mut Listing) -> io::Result<()> {
    let masks = folder.join(MASKS);
    let mut found = Masks::new(files(&masks, Some("png"))?);
    let paths = files(&folder.join(FILMS), Some("png"))?;
    let films = Films {
        source,
        paths,
        file: FilmFile::Picture,
        finding: nlm_finding,
    };
    films.pair(listing, |stem| {
        let name = format!("{stem}_mask");
        found
            .take(&name)
            .map(ReferenceFile::Whole)
            .ok_or_else(|| masks.join(format!("{name}.png")))
    });
    found.report(listing);
    Ok(())
}

/// Lists the JSRT set with its SCR masks, in which each lung has a mask of its own.
pub(super) fn list_jsrt(folder: &Path, source: &str, listing: &mut Listing) -> io::Result<()> {
    let JsrtFiles {
        films: paths,
        mask_folders,
    } = JsrtFiles::find(folder)?;
    let mut lungs = [Masks::default(), Masks::default()];
    for (masks, folders) in lungs.iter_mut().zip(mask_folders) {
        for folder in folders {
            masks.add(files(&folder, Some("gif"))?);
        }
    }
    let films = Films {
        source,
        paths,
        file: FilmFile::Jsrt,
        finding: jsrt_finding,
    };
    films.pair(listing, |stem| {
        let expected =
            SCR_MASKS.map(|name| folder.join("fold*").join(name).join(format!("{stem}.gif")));
        both(&mut lungs, stem, expected).map(ReferenceFile::Scr)
    });
    for masks in lungs {
        masks.report(listing);
    }
    Ok(())
}

impl Films<'_> {
    /// Lists a case for each film, by name, with the mask that `reference` finds for the film's name, or a problem with
    /// the path that it names in its stead.
    fn pair(
        self,
        listing: &mut Listing,
        mut reference: impl FnMut(&str) -> Result<ReferenceFile, PathBuf>,
    ) {
        let mut by_stem = BTreeMap::<_, Vec<_>>::new();
        for path in self.paths {
            by_stem.entry(stem(&path)).or_default().push(path);
        }
        for (name, mut paths) in by_stem {
            let case = CaseName {
                source: self.source.to_owned(),
                name,
            };
            let film = paths.swap_remove(0);
            if !paths.is_empty() {
                listing
                    .problems
                    .push(Problem::SameName { case: case.clone() });
            }
            match reference(&case.name) {
                Err(path) => listing.miss_mask(case, path),
                Ok(reference) => listing.cases.push(Case {
                    patient: case.name.clone(),
                    finding: (self.finding)(&case.name).map(str::to_owned),
                    name: case.name,
                    source: case.source,
                    doubtful: false,
                    split: None,
                    film: (self.file)(film),
                    reference,
                }),
            }
        }
    }
}

/// Masks that no film has got yet.
#[derive(Default)]
struct Masks(BTreeMap<String, Vec<PathBuf>>);

impl Masks {
    fn new(paths: Vec<PathBuf>) -> Self {
        let mut masks = Self::default();
        masks.add(paths);
        masks
    }

    fn add(&mut self, paths: Vec<PathBuf>) {
        for path in paths {
            self.0.entry(stem(&path)).or_default().push(path);
        }
    }

    /// A mask of this name, for good.
    fn take(&mut self, stem: &str) -> Option<PathBuf> {
        let paths = self.0.get_mut(stem).filter(|paths| !paths.is_empty())?;
        Some(paths.remove(0))
    }

    /// Lists what no film has got as problems.
    fn report(self, listing: &mut Listing) {
        listing.problems.extend(
            self.0
                .into_values()
                .flatten()
                .map(|path| Problem::StrayMask { path }),
        );
    }
}

/// The masks of both lungs, or the expected path of one that is missing.
fn both(
    lungs: &mut [Masks; 2],
    stem: &str,
    expected: [PathBuf; 2],
) -> Result<[PathBuf; 2], PathBuf> {
    // Both are taken first: where one is missing, the other still belongs to this film.
    let [left, right] = lungs.each_mut().map(|masks| masks.take(stem));
    let [no_left, no_right] = expected;
    Ok([left.ok_or(no_left)?, right.ok_or(no_right)?])
}

/// The files in a folder, by name; those of one extension where one is given.
fn files(folder: &Path, extension: Option<&str>) -> io::Result<Vec<PathBuf>> {
    let mut paths = entries(folder)?;
    paths.retain(|path| {
        extension.is_none_or(|extension| has_extension(path, extension)) && path.is_file()
    });
    Ok(paths)
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The finding that the last character of a name tells in the sets of the National Library of Medicine.
fn nlm_finding(name: &str) -> Option<&'static str> {
    match name.rsplit_once('_')?.1 {
        "0" => Some("normal"),
        "1" => Some("tuberculosis"),
        _ => None,
    }
}

/// The finding that the first characters of a JSRT film's name tell: with a nodule or without one.
fn jsrt_finding(name: &str) -> Option<&'static str> {
    match name.get(..5)? {
        "JPCLN" => Some("nodule"),
        "JPCNN" => Some("normal"),
        _ => None,
    }
}
