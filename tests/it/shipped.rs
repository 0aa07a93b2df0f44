//! Tests of the shipped model: on phantoms, and where `LUNGFIELD_DATA` names a data set, on real films.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::Bytes;
use clap::Parser;
use futures_util::future::join_all;
use lungfield::config::ServeSettings;
use lungfield_codec::png;
use lungfield_engine::pipeline::{Film, Pipeline, SegmentOptions, Segmentation};
use lungfield_engine::segmenter::Segmenter;
use lungfield_engine::{Engine, EngineOptions};
use lungfield_model::device::{DeviceChoice, Placement, Precision, PrecisionChoice};
use lungfield_model::manifest::Manifest;
use lungfield_model::torch::TorchSegmenter;
use lungfield_model::{LoadError, load};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
use lungfield_radiograph::postprocess;
use lungfield_radiograph::preprocess::Prepared;
use lungfield_radiograph::radiograph::Radiograph;
use lungfield_training::dataset::{Case, Split};
use lungfield_training::evaluation::evaluator::Evaluator;
use lungfield_training::evaluation::measure::{Measure, ScoredCase};
use lungfield_training::evaluation::summary::{Group, Summary};

use crate::client::TEST_TIMEOUT;
use lungfield_testing::small;

/// The most films in a batch, as by default on CUDA.
const BATCH: usize = 8;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/lungfield-segnet")
}

pub(crate) fn manifest() -> Manifest {
    Manifest::read(&folder()).unwrap()
}

/// Where a default server would run the model here, were there no GPU.
pub(crate) fn placement() -> Placement {
    Placement::resolve(DeviceChoice::Cpu, PrecisionChoice::Auto).unwrap()
}

pub(crate) fn segmenter(placement: Placement) -> TorchSegmenter {
    TorchSegmenter::load(&folder(), &manifest(), placement).unwrap()
}

/// The folder of real films, or `None`, and then a line that says so.
pub(crate) fn real_films() -> Option<PathBuf> {
    let data = std::env::var_os("LUNGFIELD_DATA");
    if data.is_none() {
        #[expect(
            clippy::print_stderr,
            reason = "whoever reads the outcome should know what was not tested"
        )]
        {
            eprintln!("skipped: LUNGFIELD_DATA names no real films");
        }
    }
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(data?))
}

/// Some cases of the test split, spread over the data set.
fn some(data: &Path, count: usize) -> Vec<Case> {
    let cases = small::cases(data, Split::Test).unwrap();
    let step = cases.len() / count;
    cases.into_iter().step_by(step).take(count).collect()
}

fn draw(seed: u64, (width, height): (u32, u32), depth: Depth) -> Phantom {
    Phantom::draw(&PhantomOptions {
        seed,
        size: Size::new(width, height).unwrap(),
        depth,
    })
}

/// The pipeline of a server with default settings.
fn pipeline() -> Pipeline {
    let mut settings = ServeSettings::parse_from(["lungfield-serve", "--device=cpu"]);
    settings.model.folder = folder();
    let options = settings.load_options().unwrap();
    load(&settings.model.folder, &options).unwrap().pipeline
}

/// What a server answers to a film with its reference mask.
async fn answer(pipeline: &Pipeline, film: &Radiograph, reference: &Mask) -> Segmentation {
    let film = Film {
        image: Bytes::from(png::encode_radiograph(film)).into(),
        reference: Some(Bytes::from(png::encode_mask(reference)).into()),
    };
    let options = SegmentOptions::by(Instant::now() + TEST_TIMEOUT);
    pipeline
        .segment(film, options, |_| ())
        .await
        .unwrap()
        .segmentation
}

#[test]
fn the_shipped_model_computes_what_it_computed_when_it_was_trained() {
    let manifest = manifest();
    for placement in [Placement::cpu(), placement()] {
        let dice = manifest.golden.check(
            &mut segmenter(placement),
            &manifest.preprocessor().unwrap(),
            manifest.threshold,
        );
        assert!(dice.unwrap() > 0.99, "{placement:?}");
    }
}

#[test]
fn the_shipped_model_is_small_and_says_on_which_terms() {
    assert!(!manifest().license.trim().is_empty());
    for name in ["LICENSE", "README.md"] {
        let text = fs_err::read_to_string(folder().join(name)).unwrap();
        assert!(
            text.to_lowercase().contains("non-commercial")
                || text.to_lowercase().contains("noncommercial"),
            "{name}"
        );
    }
    for entry in fs_err::read_dir(folder()).unwrap() {
        let entry = entry.unwrap();
        assert!(
            entry.metadata().unwrap().len() < 10_000_000,
            "{}",
            entry.path().display()
        );
    }
}

#[tokio::test]
async fn the_shipped_model_finds_the_lungs_of_phantoms() {
    let pipeline = pipeline();
    for (seed, size, depth) in [
        (1, (512, 512), Depth::Eight),
        (2, (512, 512), Depth::Twelve),
        (3, (512, 512), Depth::Sixteen),
        (4, (1024, 840), Depth::Eight),
        (5, (840, 1024), Depth::Twelve),
        (6, (2048, 2048), Depth::Sixteen),
        (7, (256, 256), Depth::Eight),
        (8, (1500, 1800), Depth::Eight),
    ] {
        let phantom = draw(seed, size, depth);
        let found = answer(&pipeline, &phantom.film, &phantom.mask).await;
        let dice = found.overlap.unwrap().dice();
        assert!(dice > 0.8, "phantom {seed} of {size:?}: {dice}");
        assert!(
            found.warnings.is_empty(),
            "phantom {seed} of {size:?}: {:?}",
            found.warnings
        );
        assert_eq!(found.lungs.iter().len(), 2);
    }
}

/// Shows that each film of a full batch gets in every place the mask that it gets alone, and each caller its own.
async fn assert_batches_change_nothing(films: &[Radiograph], placement: Placement) {
    assert_eq!(films.len(), BATCH);
    let manifest = manifest();
    let preprocessor = manifest.preprocessor().unwrap();
    let prepared: Vec<_> = films
        .iter()
        .map(|film| preprocessor.prepare(film))
        .collect();
    let restored = |map: &_, prepared: &Prepared| {
        postprocess::restore(map, &prepared.geometry, manifest.threshold)
    };
    let alone = {
        let mut segmenter = segmenter(placement);
        let mut alone =
            |prepared: &Prepared| segmenter.segment(&[&prepared.input]).unwrap().remove(0);
        prepared
            .iter()
            .map(|film| restored(&alone(film), film))
            .collect::<Vec<_>>()
    };
    let engine = engine(placement);
    for turn in 0..BATCH {
        let order: Vec<_> = (0..BATCH).map(|place| (place + turn) % BATCH).collect();
        let deadline = Instant::now() + TEST_TIMEOUT;
        let place = || engine.reserve().unwrap();
        let callers = order
            .iter()
            .map(|&film| place().segment(prepared[film].input.clone(), deadline));
        for (&film, answer) in order.iter().zip(join_all(callers).await) {
            let answer = answer.unwrap();
            assert_eq!(answer.batch_size, BATCH);
            // On the CPU a film goes through the network alone, so not a bit differs.
            let mask = restored(&answer.map, &prepared[film]);
            assert_eq!(mask, alone[film], "film {film}, turn {turn}, {placement:?}");
        }
    }
    for (film, other) in (0..BATCH).flat_map(|film| (0..film).map(move |other| (film, other))) {
        assert_ne!(
            alone[film], alone[other],
            "masks that are the same could not be mixed up"
        );
    }
    engine.drain().await;
}

/// An engine that waits until a batch is full.
fn engine(placement: Placement) -> Engine {
    let options = EngineOptions {
        max_batch_size: NonZeroUsize::new(BATCH).unwrap(),
        max_queue_delay: TEST_TIMEOUT / 2,
        queue_capacity: NonZeroUsize::new(BATCH).unwrap(),
    };
    Engine::start(options, [move || Ok::<_, LoadError>(segmenter(placement))]).unwrap()
}

#[tokio::test]
async fn a_phantom_gets_the_same_mask_in_every_place_of_a_batch() {
    let sizes = [(512, 512), (700, 512), (512, 700), (1024, 1024)];
    let sizes = sizes.into_iter().cycle().take(BATCH);
    let films: Vec<_> = (0..)
        .zip(sizes)
        .map(|(seed, size)| draw(seed, size, Depth::Eight).film)
        .collect();
    assert_batches_change_nothing(&films, placement()).await;
    let exact = PrecisionChoice::Fixed(Precision::F32);
    assert_batches_change_nothing(
        &films,
        Placement::resolve(DeviceChoice::Cpu, exact).unwrap(),
    )
    .await;
}

#[tokio::test]
async fn a_real_film_gets_the_same_mask_in_every_place_of_a_batch() {
    let Some(data) = real_films() else { return };
    let films: Vec<_> = some(&data, BATCH)
        .iter()
        .map(|case| case.film().unwrap())
        .collect();
    assert_batches_change_nothing(&films, placement()).await;
}

/// How the shipped model does on some cases.
fn scored(cases: &[Case]) -> Vec<ScoredCase> {
    let (manifest, mut segmenter) = (manifest(), segmenter(placement()));
    let preprocessor = manifest.preprocessor().unwrap();
    let threshold = manifest.threshold;
    let mut evaluator = Evaluator {
        segmenter: &mut segmenter,
        preprocessor: &preprocessor,
        threshold,
    };
    evaluator
        .score(cases, NonZeroUsize::new(BATCH).unwrap(), &mut |_| ())
        .unwrap()
}

#[test]
fn the_shipped_model_reaches_the_article_on_real_films() {
    let Some(data) = real_films() else { return };
    let cases = small::cases(&data, Split::Test).unwrap();
    let summary = Summary::of(&scored(&cases));
    let all = summary
        .rows
        .iter()
        .find(|row| row.group == Group::All)
        .unwrap();
    let dice = all.statistics(Measure::Dice).unwrap();
    assert_eq!(all.films, cases.len());
    assert!(dice.mean >= 0.964, "\n{summary}");
}

#[tokio::test]
async fn a_server_scores_a_real_film_as_the_evaluation_does() {
    let Some(data) = real_films() else { return };
    let (cases, pipeline) = (some(&data, 4), pipeline());
    for (case, score) in cases.iter().zip(scored(&cases)) {
        let film = case.film().unwrap();
        let served = answer(&pipeline, &film, &case.reference(&film).unwrap()).await;
        let (served, scored) = (served.overlap.unwrap().dice(), score.dice());
        assert!(
            (served - scored).abs() < 1e-3,
            "{}: {served} and {scored}",
            case.name
        );
    }
}
