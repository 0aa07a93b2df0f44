//! Decides what the tests learn from and serve where any model will do: phantoms, and a small model that has hardly
//! seen any.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use lungfield::codec::png;
use lungfield::geometry::Size;
use lungfield::model::device::Placement;
use lungfield::model::manifest::{MANIFEST, WEIGHTS};
use lungfield::phantom::{Depth, Phantom, PhantomOptions};
use lungfield::postprocess;
use lungfield::preprocess::{PreprocessOptions, Preprocessor};
use lungfield::train::augment::AugmentOptions;
use lungfield::train::export::Export;
use lungfield::train::learn::{Films, LearnOptions, Learned, Progress, learn};
use lungfield::train::sample::{Exam, Sample};
use tempfile::TempDir;

/// The side of the small model's grid.
const SIDE: u32 = 64;

/// An 8-bit phantom.
pub(crate) fn phantom(seed: u64, width: u32, height: u32) -> Phantom {
    let size = Size::new(width, height).unwrap();
    Phantom::draw(&PhantomOptions { seed, size, depth: Depth::Eight })
}

/// The bytes of a square phantom's film as a PNG.
pub(crate) fn film(seed: u64, side: u32) -> Vec<u8> {
    png::encode_radiograph(&phantom(seed, side, side).film)
}

/// The numbers of a run that is over in a moment.
pub(crate) fn options(iterations: u32) -> LearnOptions {
    LearnOptions {
        width: NonZeroU16::new(2).unwrap(),
        iterations,
        batch_size: 4,
        learning_rate: 0.05,
        warmup: 3,
        decay_power: 0.9,
        momentum: 0.9,
        weight_decay: 1e-4,
        average_decay: 0.9,
        validate_every: iterations,
        seed: 1,
        augment: AugmentOptions::NONE,
    }
}

/// Phantoms of the small model's side to learn from, and as many others to be judged by.
pub(crate) fn films(count: u64) -> Films {
    let preprocessor = Preprocessor::new(preprocessing()).unwrap();
    let exam = |seed| {
        let phantom = phantom(seed, SIDE, SIDE);
        let prepared = preprocessor.prepare(&phantom.film);
        Exam { input: prepared.input, geometry: prepared.geometry, reference: phantom.mask }
    };
    let sample = |exam: Exam| Sample {
        target: postprocess::coverage(&exam.reference, &exam.geometry),
        input: exam.input,
    };
    Films {
        train: (0..count).map(exam).map(sample).collect(),
        validation: (count..2 * count).map(exam).collect(),
    }
}

/// Trains on the CPU and returns the loss of every iteration with the best weights.
///
/// One run at a time: libtorch draws the first weights of all runs in a process from one generator.
pub(crate) fn trained(options: &LearnOptions, films: &Films) -> (Vec<f64>, Learned) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // Planes this small gain nothing from more, and threads that spin while they wait take the cores from other tests.
    tch::set_num_threads(1);
    let mut losses = Vec::new();
    let mut observe = |news| {
        if let Progress::Step { loss, .. } = news {
            losses.push(loss);
        }
    };
    let mut keep = |_: &Learned| anyhow::Ok(());
    let best = learn(options, films, Placement::cpu().device(), &mut observe, &mut keep).unwrap();
    (losses, best.unwrap())
}

/// Writes a model directory of small weights.
pub(crate) fn export(folder: &Path, learned: &Learned, options: &LearnOptions) {
    let export = Export {
        name: "small".to_owned(),
        version: "0.0.1".to_owned(),
        license: "CC0-1.0".to_owned(),
        preprocessing: preprocessing(),
        cases: BTreeMap::from([("phantom".to_owned(), 4)]),
    };
    export.write(folder, learned, options).unwrap();
}

fn preprocessing() -> PreprocessOptions {
    PreprocessOptions { side: SIDE, ..PreprocessOptions::default() }
}

/// A model directory of its own for every caller, to serve or to spoil. The model was trained for two iterations, so
/// its masks mean nothing, and it is sure of little: serve it in 32 bits.
pub(crate) fn model() -> TempDir {
    static FILES: LazyLock<[(&str, Vec<u8>); 2]> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let options = options(2);
        export(folder.path(), &trained(&options, &films(4)).1, &options);
        [MANIFEST, WEIGHTS].map(|name| (name, fs_err::read(folder.path().join(name)).unwrap()))
    });
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in &*FILES {
        fs_err::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// A data set of phantoms on disk, with as many cases of each split as are named.
pub(crate) fn data_set(splits: &[(&str, u64)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut list = "case,source,image,reference,split\n".to_owned();
    let all = splits.iter().flat_map(|(split, count)| (0..*count).map(move |_| split));
    for (seed, split) in (0..).zip(all) {
        let phantom = phantom(seed, 96, 80);
        fs_err::write(folder.path().join(format!("{seed}.png")), png::encode_radiograph(&phantom.film))
            .unwrap();
        fs_err::write(folder.path().join(format!("{seed}-mask.png")), png::encode_mask(&phantom.mask))
            .unwrap();
        writeln!(list, "phantom-{seed},phantom,{seed}.png,{seed}-mask.png,{split}").unwrap();
    }
    fs_err::write(folder.path().join("cases.csv"), list).unwrap();
    folder
}
