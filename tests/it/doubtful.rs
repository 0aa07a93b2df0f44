//! Tests of what is said of films that the shipped model should not be believed on, and of how seldom it is said of
//! others. With `--no-capture` they print how many films of each kind are warned of, and by which codes.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use lungfield_codec::{Limits, decode};
use lungfield_engine::segmenter::Segmenter;
use lungfield_model::manifest::Manifest;
use lungfield_model::torch::TorchSegmenter;
use lungfield_radiograph::lungs::{Lungs, warnings};
use lungfield_radiograph::mask::Threshold;
use lungfield_radiograph::postprocess;
use lungfield_radiograph::preprocess::Preprocessor;
use lungfield_radiograph::radiograph::Radiograph;
use lungfield_radiograph::warnings::Warning;
use lungfield_training::dataset::{Case, Split};

use crate::shipped::{manifest, placement, real_films, segmenter};
use lungfield_testing::small;

use crate::pictures;

/// The shipped model, and what a server makes of its maps.
struct Server {
    segmenter: TorchSegmenter,
    preprocessor: Preprocessor,
    threshold: Threshold,
}

impl Server {
    fn start() -> Self {
        let Manifest { threshold, .. } = manifest();
        let preprocessor = manifest().preprocessor().unwrap();
        Self {
            segmenter: segmenter(placement()),
            preprocessor,
            threshold,
        }
    }

    /// The warnings of a film, and how long it took to come by them once the mask was there.
    fn warnings(&mut self, film: &Radiograph) -> (Vec<Warning>, Duration) {
        let prepared = self.preprocessor.prepare(film);
        let map = self
            .segmenter
            .segment(&[&prepared.input])
            .unwrap()
            .remove(0);
        let lungs = Lungs::of(&postprocess::restore(
            &map,
            &prepared.geometry,
            self.threshold,
        ));
        let started = Instant::now();
        (
            warnings(&lungs, &map, &prepared.warnings),
            started.elapsed(),
        )
    }

    /// The warnings of each film of a kind.
    fn kind(&mut self, name: &str, films: impl IntoIterator<Item = Radiograph>) -> Kind {
        let (warnings, took) = films.into_iter().map(|film| self.warnings(&film)).collect();
        let kind = Kind { warnings, took };
        #[expect(clippy::print_stderr, reason = "the rates that the README states")]
        {
            eprintln!("{name:20}{}", kind.row());
        }
        kind
    }
}

/// Draws one of a kind of picture, by a seed.
type Draw = fn(u64) -> Radiograph;

/// What was said of the films of a kind.
struct Kind {
    warnings: Vec<Vec<Warning>>,
    took: Vec<Duration>,
}

impl Kind {
    fn films(&self) -> usize {
        self.warnings.len()
    }

    fn warned(&self) -> usize {
        self.warnings
            .iter()
            .filter(|warnings| !warnings.is_empty())
            .count()
    }

    fn with(&self, warning: Warning) -> usize {
        self.warnings
            .iter()
            .filter(|warnings| warnings.contains(&warning))
            .count()
    }

    /// Whether more than four of five films were warned of.
    fn is_caught(&self) -> bool {
        5 * self.warned() > 4 * self.films()
    }

    fn row(&self) -> String {
        let mut row = format!("{:3} of {:3} warned of", self.warned(), self.films());
        for warning in Warning::ALL
            .into_iter()
            .filter(|&warning| self.with(warning) > 0)
        {
            write!(row, ", {} {}", warning.code(), self.with(warning)).unwrap();
        }
        // The median, since others have the cores too.
        let mut took = self.took.clone();
        took.sort();
        let median = took.get(took.len() / 2).copied().unwrap_or_default();
        write!(row, "; {:.3} ms", median.as_secs_f64() * 1e3).unwrap();
        row
    }
}

fn test_films(data: &Path) -> impl Iterator<Item = Radiograph> {
    let film = |case: Case| case.film().unwrap();
    small::cases(data, Split::Test)
        .unwrap()
        .into_iter()
        .map(film)
}

/// The films of a folder, in the order of their names.
fn folder(folder: &Path) -> Vec<Radiograph> {
    let mut paths: Vec<_> = fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let read = |path| {
        decode(
            &fs_err::read(path).unwrap(),
            &Limits {
                max_pixels: 64_000_000,
            },
        )
        .unwrap()
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn fewer_than_one_in_fifty_real_films_is_warned_of() {
    let Some(data) = real_films() else { return };
    let kind = Server::start().kind("test films", test_films(&data));
    assert!(kind.films() >= 71);
    assert!(50 * kind.warned() < kind.films(), "{}", kind.row());
}

#[test]
fn inverted_films_are_suspected() {
    let Some(data) = real_films() else { return };
    let kind = Server::start().kind(
        "inverted test films",
        test_films(&data).map(|film| pictures::inverted(&film)),
    );
    assert!(
        10 * kind.with(Warning::InvertedFilm) > 9 * kind.films(),
        "{}",
        kind.row()
    );
    assert!(kind.is_caught());
}

#[test]
fn laterals_and_slices_are_warned_of() {
    let Some(data) = real_films() else { return };
    let mut server = Server::start();
    for name in ["lateral", "ct"] {
        let films = folder(&data.join("not-frontal").join(name));
        // The bounds were chosen on every other film, so the others say more.
        for (part, first) in [("chosen on", 0), ("held out", 1)] {
            let kind = server.kind(
                &format!("{name}, {part}"),
                films.iter().skip(first).step_by(2).cloned(),
            );
            assert!(
                kind.films() >= 6 && kind.is_caught(),
                "{name}: {}",
                kind.row()
            );
        }
    }
}

#[test]
fn pictures_that_are_no_films_are_warned_of() {
    let mut server = Server::start();
    let kinds: [(&str, Draw); 7] = [
        ("blank", pictures::blank),
        ("noise", pictures::noise),
        ("gradients", pictures::gradient),
        ("clouds", pictures::clouds),
        ("things", pictures::things),
        ("pages", pictures::page),
        ("inverted phantoms", |seed| {
            pictures::inverted(&small::phantom(seed, 384, 384).film)
        }),
    ];
    for (name, draw) in kinds {
        let kind = server.kind(name, (0..8).map(draw));
        assert!(kind.is_caught(), "{name}: {}", kind.row());
        if name == "inverted phantoms" {
            assert_eq!(
                kind.with(Warning::InvertedFilm),
                kind.films(),
                "{}",
                kind.row()
            );
        }
        if name == "blank" {
            assert_eq!(kind.with(Warning::FlatFilm), kind.films(), "{}", kind.row());
        }
    }
}

#[test]
fn phantoms_are_not_warned_of() {
    let kind = Server::start().kind(
        "phantoms",
        (0..12).map(|seed| small::phantom(seed, 512, 440).film),
    );
    assert_eq!(kind.warned(), 0, "{}", kind.row());
}
