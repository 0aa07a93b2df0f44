//! Tests of runs that stop: that a resumed run ends bit for bit where an uninterrupted one does, however it was stopped.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lungfield_model::device::Placement;
use lungfield_model::manifest::Manifest;
use lungfield_training::train::augment::AugmentOptions;
use lungfield_training::train::checkpoint::{self, CHECKPOINT, Setup};
use lungfield_training::train::learn::{Run, TrainingData, learn};
use lungfield_training::train::optimiser::{Method, OptimiserOptions};
use lungfield_training::train::recipe::Recipe;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use lungfield_testing::TEST_TIMEOUT;
use lungfield_testing::program::run;

use crate::TRAIN;
use lungfield_testing::small::{self, MemoryObserver};

/// A run of 20 iterations in which everything that a checkpoint must hold plays a part.
fn recipe(method: Method) -> Recipe {
    Recipe {
        optimiser: OptimiserOptions {
            method,
            momentum: 0.9,
            weight_decay: 1e-3,
        },
        augment: AugmentOptions::default(),
        validate_every: 4,
        source_balance: 0.5,
        ..small::recipe(20)
    }
}

/// The checkpoint's bytes after the run has gone on to iteration `until`, from `folder`'s checkpoint where it has one.
fn after(until: u32, recipe: &Recipe, data: &TrainingData, folder: &Path) -> Vec<u8> {
    let setup = Setup {
        recipe: recipe.clone(),
        preprocessing: small::preprocessing(),
        films_sha256: "phantoms".to_owned(),
    };
    let device = Placement::cpu().device();
    let mut run = match checkpoint::read(folder).unwrap() {
        Some(found) => found.resume(device).unwrap(),
        None => Run::start(recipe, device).unwrap(),
    };
    let mut observer = MemoryObserver {
        stop_after: Some(until),
        ..MemoryObserver::default()
    };
    learn(&mut run, data, &mut observer).unwrap();
    assert_eq!(run.iteration(), until);
    checkpoint::write(folder, &run, &setup).unwrap();
    fs_err::read(folder.join(CHECKPOINT)).unwrap()
}

#[test]
fn twenty_iterations_are_ten_and_ten_more_bit_for_bit() {
    let data = small::training_data(7);
    for method in [Method::Sgd, Method::Adamw, Method::Muon] {
        let _lock = small::lock_training();
        let (whole, halves) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let expected = after(20, &recipe(method), &data, whole.path());
        let half = after(10, &recipe(method), &data, halves.path());
        assert_ne!(half, expected, "ten iterations are not twenty");
        assert!(
            after(20, &recipe(method), &data, halves.path()) == expected,
            "{method:?}"
        );
    }
}

/// A run over phantoms that takes a second or two, with a checkpoint after every iteration.
struct Program {
    data: TempDir,
}

impl Program {
    fn arguments(&self, out: &str) -> Vec<String> {
        let (data, out) = (self.data.path(), self.data.path().join(out));
        let few = "--device=cpu --precision=f32 --threads=1 --width=2 --side=64 --batch-size=2 --iterations=150 \
                   --validate-every=7 --checkpoint-every=1 --coarse-share=0.1 --flip-averaging=false";
        let folders = [
            format!("--data={}", data.display()),
            format!("--out={}", out.display()),
        ];
        few.split(' ').map(str::to_owned).chain(folders).collect()
    }

    fn spawn(&self, out: &str, more: &[&str]) -> Child {
        let mut command = Command::new(TRAIN);
        command
            .args(self.arguments(out))
            .args(more)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn weights_sha256(&self, out: &str) -> String {
        Manifest::read(&self.data.path().join(out))
            .unwrap()
            .model
            .weights_sha256
    }

    /// Waits until the run in `out` has written a checkpoint that is not `last`.
    fn next_checkpoint(&self, out: &str, last: &[u8]) -> Vec<u8> {
        let path = self.data.path().join(out).join("run").join(CHECKPOINT);
        let began = Instant::now();
        loop {
            match fs_err::read(&path) {
                Ok(bytes) if bytes != last => return bytes,
                _ => assert!(began.elapsed() < TEST_TIMEOUT, "no checkpoint"),
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn a_run_that_was_killed_and_stopped_ends_where_an_undisturbed_one_does() {
    let program = Program {
        data: small::data_set(&[("train", 5), ("validation", 2)]),
    };
    assert!(
        program
            .spawn("whole", &[])
            .wait_with_output()
            .unwrap()
            .status
            .success()
    );

    let mut killed = program.spawn("disturbed", &[]);
    program.next_checkpoint("disturbed", &[]);
    signal(&killed, Signal::KILL);
    assert!(!killed.wait().unwrap().success());
    for asked in [Signal::INT, Signal::TERM] {
        let last = program.next_checkpoint("disturbed", &[]);
        let stopped = program.spawn("disturbed", &["--resume"]);
        program.next_checkpoint("disturbed", &last);
        signal(&stopped, asked);
        let said = stopped.wait_with_output().unwrap();
        let text = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(130), "{text}");
        assert!(text.contains("--resume continues from there"), "{text}");
    }
    let rest = program
        .spawn("disturbed", &["--resume"])
        .wait_with_output()
        .unwrap();
    assert!(
        rest.status.success(),
        "{}",
        String::from_utf8_lossy(&rest.stderr)
    );
    assert_eq!(
        program.weights_sha256("disturbed"),
        program.weights_sha256("whole")
    );
}

#[test]
fn a_run_is_only_resumed_as_what_it_was() {
    let program = Program {
        data: small::data_set(&[("train", 5), ("validation", 2)]),
    };
    let refusal = |more: &[&str]| {
        let mut arguments = program.arguments("out");
        arguments.retain(|argument| {
            !more
                .iter()
                .any(|more| more.split('=').next() == argument.split('=').next())
        });
        let refused = run(
            TRAIN,
            arguments
                .iter()
                .map(String::as_str)
                .chain(more.iter().copied()),
        );
        assert!(!refused.status.success());
        String::from_utf8(refused.stderr).unwrap()
    };
    assert!(refusal(&["--resume"]).contains("no checkpoint"));

    let done = run(TRAIN, program.arguments("out"));
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(
        refusal(&[]).contains("--resume"),
        "another run's checkpoint is not overwritten"
    );
    assert!(refusal(&["--resume", "--batch-size=3"]).contains("keeps its numbers"));

    fs_err::write(program.data.path().join("0.png"), small::film(77, 96)).unwrap();
    fs_err::write(
        program.data.path().join("0-mask.png"),
        small::reference(77, 96),
    )
    .unwrap();
    assert!(refusal(&["--resume"]).contains("another hash"));

    let checkpoint = program.data.path().join("out/run").join(CHECKPOINT);
    fs_err::write(&checkpoint, "no checkpoint").unwrap();
    assert!(refusal(&["--resume"]).contains("not a checkpoint"));
}
