//! Tests of training from end to end: it learns, it can be repeated, it reports bad data, and the other programs read its
//! model directory.

use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use lungfield_engine::pipeline::{Film, SegmentOptions, Segmentation};
use lungfield_model::manifest::Manifest;
use lungfield_training::dataset::{Problems, Split, read_all};
use lungfield_training::train::recipe::Recipe;
use tempfile::TempDir;

use lungfield_testing::TEST_TIMEOUT;
use lungfield_testing::program::run;
use lungfield_testing::small;

use crate::{EVALUATE, TRAIN};

#[test]
fn the_loss_falls() {
    let (losses, best) = small::trained(&small::recipe(30), &small::training_data(12));
    assert_eq!(losses.len(), 30);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first, last) = (mean(&losses[..5]), mean(&losses[25..]));
    assert!(last < 0.9 * first, "from {first} to {last}");
    assert_eq!(best.iteration, 30);
}

#[test]
fn the_same_seed_gives_the_same_weights_and_another_one_others() {
    let data = small::training_data(6);
    let sha256 = |seed| {
        let recipe = Recipe {
            seed,
            ..small::recipe(4)
        };
        let folder = tempfile::tempdir().unwrap();
        small::export(folder.path(), &small::trained(&recipe, &data).1, &recipe);
        Manifest::read(folder.path()).unwrap().model.weights_sha256
    };
    assert_eq!(sha256(7), sha256(7));
    assert_ne!(sha256(7), sha256(8));
}

/// Returns the problems of a data set when the cases to train on are read.
fn refusal(data: &TempDir) -> String {
    let read = |folder: &Path| read_all(&small::cases(folder, Split::Train)?, |_, _, _| ());
    let refusal: Problems = read(data.path()).unwrap_err();
    refusal.to_string()
}

#[test]
fn a_bad_data_set_is_refused_by_the_name_of_what_is_wrong() {
    let data = small::data_set(&[("train", 3)]);
    fs_err::write(data.path().join("0.png"), small::film(1, 64)).unwrap();
    fs_err::write(data.path().join("2.png"), "no film").unwrap();
    let text = refusal(&data);
    assert!(
        text.contains("0-mask.png") && text.contains("96×80") && text.contains("64×64"),
        "{text}"
    );
    assert!(
        text.contains("2 problems") && text.contains("2.png"),
        "{text}"
    );

    fs_err::remove_file(data.path().join("1-mask.png")).unwrap();
    assert!(refusal(&data).contains("1-mask.png"), "{}", refusal(&data));

    let data = small::data_set(&[("validation", 2)]);
    assert!(
        refusal(&data).contains("no train case"),
        "{}",
        refusal(&data)
    );

    let data = small::data_set(&[]);
    fs_err::remove_file(data.path().join("cases.csv")).unwrap();
    assert!(refusal(&data).contains("cases.csv"), "{}", refusal(&data));

    for (list, says) in [
        ("case,source,image,split\na,b,c,train\n", "reference"),
        (
            "case,source,image,reference,split\na,b,c,d,holiday\n",
            "holiday",
        ),
        ("case,source,image,reference,split\na,b\n", "line"),
    ] {
        fs_err::write(data.path().join("cases.csv"), list).unwrap();
        let text = refusal(&data);
        assert!(text.contains("cases.csv") && text.contains(says), "{text}");
    }
}

/// Has `lungfield-train` write a model directory from phantoms, in a few iterations.
fn train(data: &Path, out: &Path, more: &[&str]) -> std::process::Output {
    let (data, out) = (
        format!("--data={}", data.display()),
        format!("--out={}", out.display()),
    );
    let few = [
        "--device=cpu",
        "--width=2",
        "--batch-size=2",
        "--iterations=4",
        "--validate-every=2",
    ];
    run(TRAIN, [&*data, &*out].iter().chain(&few).chain(more))
}

#[tokio::test]
async fn what_is_trained_is_served_and_scored() {
    let data = small::data_set(&[("train", 6), ("validation", 2), ("test", 3)]);
    let out = data.path().join("models/new");
    let trained = train(
        data.path(),
        &out,
        &["--side=64", "--name=new", "--model-version=1.2.3"],
    );
    let said = String::from_utf8(trained.stderr).unwrap();
    assert!(trained.status.success(), "{said}");
    assert!(
        said.contains("6 films to train on, 2 to validate on") && said.contains("iteration 4/4"),
        "{said}"
    );

    let film = Film {
        image: Bytes::from(small::film(9, 96)).into(),
        reference: None,
    };
    assert_eq!(segment(&out, film).await.size.pixels(), 96 * 96);
    assert_table_of_three(&scored(&out, data.path(), &[]));
}

/// Segments a film with a model directory.
async fn segment(model: &Path, film: Film) -> Segmentation {
    let pipeline = small::pipeline(model);
    let options = SegmentOptions::by(Instant::now() + TEST_TIMEOUT);
    let segmented = pipeline.segment(film, options, |_| ()).await;
    segmented.unwrap().segmentation
}

/// Asserts that `lungfield-evaluate` printed the scores of three phantoms, and the table of Dice.
fn assert_table_of_three(table: &str) {
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines[0], "case,source,dice,jaccard");
    assert!(lines[1].starts_with("phantom-8,phantom,"), "{table}");
    let words: Vec<Vec<_>> = lines[4..]
        .iter()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        words[0][..6],
        ["Dice", "films", "mean", "95", "%", "interval"]
    );
    assert_eq!((words[1][0], words[1][1]), ("phantom", "3"));
    assert_eq!((words[2][0], words[2][1]), ("all", "3"));
}

#[test]
fn a_run_that_can_not_begin_says_why_and_leaves_nothing() {
    let data = small::data_set(&[("train", 2)]);
    let out = data.path().join("out");
    for (flags, says) in [
        (&["--side=64"][..], "no validation case"),
        (&["--side=100"], "--side"),
        (&["--side=64", "--device=gpu"], "--device"),
    ] {
        let refused = train(data.path(), &out, flags);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success(), "{flags:?}");
        assert!(
            said.to_lowercase().contains(says) && !said.contains("panicked"),
            "{flags:?}: {said}"
        );
        assert!(!out.exists(), "{flags:?}");
    }
}

/// Runs `lungfield-evaluate` with `--cases`, and returns what it prints.
fn scored(model: &Path, data: &Path, more: &[&str]) -> String {
    let (model, data) = (
        format!("--model={}", model.display()),
        format!("--data={}", data.display()),
    );
    let flags = [
        &*model,
        &*data,
        "--device=cpu",
        "--precision=f32",
        "--cases",
    ];
    let scored = run(EVALUATE, flags.iter().chain(more));
    assert!(
        scored.status.success(),
        "{}",
        String::from_utf8_lossy(&scored.stderr)
    );
    String::from_utf8(scored.stdout).unwrap()
}

/// Returns the Dice scores that `lungfield-evaluate` prints of the cases, by name.
fn evaluated(model: &Path, data: &Path, more: &[&str]) -> Vec<(String, f64)> {
    let table = scored(model, data, more);
    let rows = table
        .lines()
        .skip(1)
        .take_while(|line| line.matches(',').count() == 3);
    rows.map(|line| {
        let mut words = line.split(',');
        (
            words.next().unwrap().to_owned(),
            words.nth(1).unwrap().parse().unwrap(),
        )
    })
    .collect()
}

#[tokio::test]
async fn training_evaluation_and_the_service_agree_on_a_films_dice() {
    let data = small::data_set(&[("train", 4), ("validation", 1)]);
    let out = data.path().join("model");
    let trained = train(
        data.path(),
        &out,
        &["--side=64", "--precision=f32", "--flip-averaging=true"],
    );
    assert!(
        trained.status.success(),
        "{}",
        String::from_utf8_lossy(&trained.stderr)
    );
    let manifest = Manifest::read(&out).unwrap();
    assert!(manifest.flip_averaging);
    let in_training = manifest.training["validation_mean_dice"].as_f64().unwrap();

    let evaluated = evaluated(&out, data.path(), &["--split=validation"]);
    assert_eq!(evaluated[0].0, "phantom-4");
    assert!(
        (evaluated[0].1 - in_training).abs() < 1e-3,
        "{evaluated:?} {in_training}"
    );

    let read = |name| Bytes::from(fs_err::read(data.path().join(name)).unwrap());
    let film = Film {
        image: read("4.png").into(),
        reference: Some(read("4-mask.png").into()),
    };
    let served = segment(&out, film).await.overlap.unwrap().dice();
    assert!(
        (served - in_training).abs() < 1e-3,
        "{served} {in_training}"
    );
}

#[test]
fn what_was_trained_on_is_not_scored_unless_asked_for() {
    let data = small::data_set(&[("train", 4), ("validation", 1), ("test", 2)]);
    let out = data.path().join("model");
    let trained = train(data.path(), &out, &["--side=64"]);
    assert!(
        trained.status.success(),
        "{}",
        String::from_utf8_lossy(&trained.stderr)
    );

    // Other names, another list: the films are known by their pixels.
    let other = tempfile::tempdir().unwrap();
    for seed in 0..7 {
        for name in [format!("{seed}.png"), format!("{seed}-mask.png")] {
            fs_err::copy(
                data.path().join(&name),
                other.path().join(format!("renamed-{name}")),
            )
            .unwrap();
        }
    }
    let mut list = "case,source,image,reference,split\n".to_owned();
    for seed in 0..7 {
        writeln!(
            list,
            "c{seed},else,renamed-{seed}.png,renamed-{seed}-mask.png,test"
        )
        .unwrap();
    }
    fs_err::write(other.path().join("cases.csv"), list).unwrap();
    let names =
        |scored: Vec<(String, f64)>| scored.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(evaluated(&out, other.path(), &[])), ["c5", "c6"]);

    let (model, films) = (
        format!("--model={}", out.display()),
        format!("--data={}", other.path().display()),
    );
    let refused = run(EVALUATE, [&*model, &*films, "--device=cpu", "--split=test"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        !refused.status.success() && said.contains("trained on 4 of the 7"),
        "{said}"
    );
    let report = other.path().join("report");
    let asked = format!("--report={}", report.display());
    let all = evaluated(
        &out,
        other.path(),
        &["--split=test", "--allow-training-cases", &asked],
    );
    assert_eq!(all.len(), 7);
    let page = fs_err::read_to_string(report.join("report.html")).unwrap();
    assert!(
        page.contains("training") && page.matches("data:image/png").count() > 1,
        "a warning and pictures"
    );
    let rows = fs_err::read_to_string(report.join("cases.csv")).unwrap();
    assert_eq!(rows.lines().count(), 8);
}
