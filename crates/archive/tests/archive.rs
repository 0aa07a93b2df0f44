//! Tests of `lungfield-segment`: one mask and one row for each film, whatever is the matter with some, and however often it is stopped.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where its world does not come about"
)]

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use lungfield_archive::row::Row;
use lungfield_codec::reference::decode_reference;
use lungfield_codec::{Limits, png};
use lungfield_radiograph::geometry::Size;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use lungfield_testing::PATIENCE;
use lungfield_testing::program::run;
use lungfield_testing::small;

const SEGMENT: &str = env!("CARGO_BIN_EXE_lungfield-segment");
/// Films that a run has in hand at a time, and rows that it may hold back.
const IN_FLIGHT: usize = 4;
const ROWS: usize = 32;

/// A model, an archive and a place for what comes of it.
struct World {
    model: TempDir,
    root: TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            model: small::model(),
            root: tempfile::tempdir().unwrap(),
        }
    }

    /// A world whose archive has this many films, a third of them in a folder of their own.
    fn with_films(count: u64) -> Self {
        let world = Self::new();
        for seed in 0..count {
            let folder = if seed % 3 == 0 { "films/deep" } else { "films" };
            world.put(&format!("{folder}/{seed}.png"), &small::film(seed, 64));
        }
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }

    fn arguments(&self, out: &str, more: &[&str]) -> Vec<String> {
        let fixed =
            ["--device=cpu", "--precision=f32", "--threads=1", "--model"].map(str::to_owned);
        let model = self.model.path().display().to_string();
        let out = format!("--out={}", self.path(out).display());
        let more = more.iter().map(|&argument| argument.to_owned());
        fixed
            .into_iter()
            .chain([model, out, format!("--in-flight={IN_FLIGHT}")])
            .chain(more)
            .collect()
    }

    fn films(&self) -> String {
        self.path("films").display().to_string()
    }

    /// Segments the archive to the end.
    fn segment(&self, out: &str, more: &[&str]) -> Output {
        let films = self.films();
        run(
            SEGMENT,
            self.arguments(out, &[&[films.as_str()], more].concat()),
        )
    }

    fn spawn(&self, out: &str) -> Child {
        let films = self.films();
        let mut command = Command::new(SEGMENT);
        command
            .args(self.arguments(out, &[&films]))
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// The rows of a run's table.
    fn rows(&self, table: &str) -> Vec<Row> {
        let mut reader = csv::Reader::from_path(self.path(table)).unwrap();
        reader.deserialize().map(Result::unwrap).collect()
    }

    /// Which file each mask is at this moment.
    fn masks(&self, out: &str) -> BTreeMap<PathBuf, u64> {
        let mut masks = BTreeMap::new();
        let mut folders = vec![self.path(out).join("masks")];
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else if !is_partial(&entry) {
                    masks.insert(entry.path(), entry.metadata().unwrap().ino());
                }
            }
        }
        masks
    }

    /// Waits until a run in `out` has kept more than `rows` files of rows.
    fn wait_for_rows(&self, out: &str, rows: usize) {
        let folder = self.path(out).join("state/0-of-1/rows");
        let began = Instant::now();
        while files(&folder) <= rows {
            assert!(began.elapsed() < PATIENCE, "no rows");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A file that was being written when its writer was killed.
fn is_partial(entry: &fs_err::DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with(".tmp")
}

/// How many files are in a folder, if it is there.
fn files(folder: &Path) -> usize {
    let entries = fs_err::read_dir(folder).into_iter().flatten();
    entries
        .filter(|entry| !is_partial(entry.as_ref().unwrap()))
        .count()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
}

/// The columns of a Parquet file's rows, as CSV has them.
fn parquet_rows(path: &Path) -> Vec<Vec<(String, String)>> {
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let text = |field: &Field| match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        other => other.to_string(),
    };
    let rows = reader.get_row_iter(None).unwrap().map(Result::unwrap);
    rows.map(|row| {
        row.get_column_iter()
            .map(|(name, field)| (name.clone(), text(field)))
            .collect()
    })
    .collect()
}

/// The same of a CSV file.
fn csv_rows(path: &Path) -> Vec<Vec<(String, String)>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let names = reader.headers().unwrap().clone();
    let columns = |row: csv::StringRecord| {
        names
            .iter()
            .zip(row.iter())
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .collect()
    };
    reader.records().map(|row| columns(row.unwrap())).collect()
}

#[test]
fn every_film_has_a_row_and_every_good_one_a_mask() {
    let world = World::with_films(6);
    world.put("films/notes.txt", b"no film");
    world.put("films/cut.png", &small::film(1, 64)[..900]);
    world.put("films/.hidden.png", &small::film(1, 64));
    let output = world.segment("out", &[]);
    assert_code(&output, 3);
    assert_eq!(
        String::from_utf8(output.stdout)
            .unwrap()
            .split(", ")
            .take(2)
            .collect::<Vec<_>>(),
        ["8 films: 6 masks", "2 without one"]
    );
    let mut rows = world.rows("out/results.csv");
    assert_eq!(
        parquet_rows(&world.path("out/results.parquet")),
        csv_rows(&world.path("out/results.csv"))
    );
    rows.sort_by(|one, other| one.file.cmp(&other.file));
    let errors: Vec<_> = rows.iter().filter_map(|row| row.error.as_deref()).collect();
    assert_eq!(errors, ["undecodable_image", "unrecognised_image"]);
    for row in rows.iter().filter(|row| row.error.is_none()) {
        let name = Path::new(&row.file)
            .strip_prefix(world.path("films"))
            .unwrap();
        assert_eq!(
            row.mask.as_deref(),
            Some(&*format!("masks/{}.png", name.display()))
        );
        let mask = fs_err::read(world.path("out").join(row.mask.as_ref().unwrap())).unwrap();
        let mask = decode_reference(&mask, Size::new(64, 64).unwrap(), &Limits::default()).unwrap();
        assert_eq!(row.area_px, Some(mask.area_px()));
        let digest = lungfield_support::sha256::hex(&fs_err::read(&row.file).unwrap());
        assert_eq!(row.sha256.as_deref(), Some(&*digest));
    }
}

#[test]
fn a_run_that_is_done_is_not_done_again() {
    let world = World::with_films(5);
    assert_code(&world.segment("out", &[]), 0);
    let (masks, table) = (
        world.masks("out"),
        fs_err::read(world.path("out/results.parquet")).unwrap(),
    );
    assert_code(&world.segment("out", &[]), 0);
    assert_eq!(world.masks("out"), masks);
    assert_eq!(
        fs_err::read(world.path("out/results.parquet")).unwrap(),
        table
    );
    let refused = world.segment("out", &["--threshold=0.25"]);
    assert_code(&refused, 1);
    assert!(said(&refused).contains("(threshold)"), "{}", said(&refused));
}

#[test]
fn a_killed_run_goes_on_and_computes_little_again() {
    let world = World::with_films(500);
    let mut killed = world.spawn("out");
    world.wait_for_rows("out", 0);
    kill_process(Pid::from_child(&killed), Signal::KILL).unwrap();
    killed.wait().unwrap();
    let before = world.masks("out");
    assert!(
        before.len() < 500,
        "it was killed too late to show anything"
    );

    assert_code(&world.segment("out", &[]), 0);
    let after = world.masks("out");
    assert_eq!(after.len(), 500);
    let again = before
        .iter()
        .filter(|(mask, inode)| after[*mask] != **inode)
        .count();
    assert!(
        again <= IN_FLIGHT + ROWS,
        "{again} of {} films were segmented again",
        before.len()
    );
    assert!(again < before.len(), "all of them were");
    let mut files: Vec<_> = world
        .rows("out/results.csv")
        .into_iter()
        .map(|row| row.file)
        .collect();
    files.sort();
    files.dedup();
    assert_eq!(files.len(), 500);
    // What an undisturbed run writes, it has written.
    assert_code(&world.segment("whole", &[]), 0);
    for mask in after.keys() {
        let name = mask.strip_prefix(world.path("out")).unwrap();
        assert_eq!(
            fs_err::read(mask).unwrap(),
            fs_err::read(world.path("whole").join(name)).unwrap()
        );
    }
}

#[test]
fn a_run_that_is_asked_to_stop_finishes_what_it_has_in_hand() {
    let world = World::with_films(500);
    for signal in [Signal::TERM, Signal::INT] {
        let rows = files(&world.path("out/state/0-of-1/rows"));
        let asked = world.spawn("out");
        world.wait_for_rows("out", rows);
        kill_process(Pid::from_child(&asked), signal).unwrap();
        let output = asked.wait_with_output().unwrap();
        assert_code(&output, 130);
        assert!(
            said(&output).contains("the same command goes on from here"),
            "{}",
            said(&output)
        );
    }
    let before = world.masks("out");
    assert_code(&world.segment("out", &[]), 0);
    let after = world.masks("out");
    assert!(
        before.iter().all(|(mask, inode)| after[mask] == *inode),
        "what was done was kept"
    );
    assert_eq!(world.rows("out/results.csv").len(), 500);
}

#[test]
fn parts_of_an_archive_make_up_the_whole() {
    let world = World::with_films(12);
    for part in ["--shard=0/3", "--shard=1/3", "--shard=2/3"] {
        assert_code(&world.segment("out", &[part]), 0);
    }
    let tables = (0..3).map(|part| world.rows(&format!("out/results-{part}-of-3.csv")));
    let mut files: Vec<_> = tables.flatten().map(|row| row.file).collect();
    files.sort();
    files.dedup();
    assert_eq!(files.len(), 12);
    assert_eq!(world.masks("out").len(), 12);
}

#[test]
fn films_are_measured_against_reference_masks_of_their_name() {
    let world = World::with_films(3);
    world.put("masks/1.png", &small::reference(1, 64));
    world.put("masks/deep/0_mask.png", &small::reference(0, 64));
    let references = format!("--reference={}", world.path("masks").display());
    assert_code(&world.segment("out", &[&references]), 0);
    let measured = |name: &str| {
        let rows = world.rows("out/results.csv");
        rows.into_iter()
            .find(|row| row.file.ends_with(name))
            .unwrap()
            .dice
            .is_some()
    };
    assert!(measured("1.png") && measured("deep/0.png") && !measured("films/2.png"));

    // Measured against its own masks, a run is perfect.
    let own = format!("--reference={}", world.path("out/masks").display());
    assert_code(&world.segment("again", &[&own, "--format=rle"]), 0);
    let rows = world.rows("again/results.csv");
    assert!(rows.iter().all(|row| row.dice == Some(1.0)), "{rows:?}");
    assert!(
        rows.iter()
            .all(|row| row.mask.as_ref().unwrap().ends_with(".png.json"))
    );
}

#[test]
fn a_list_comes_on_standard_input_and_needs_no_folder() {
    let world = World::with_films(3);
    let mut command = Command::new(SEGMENT);
    command
        .args(world.arguments("out", &["--list=-"]))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{0}/1.png\n{0}/gone.png", world.films()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_code(&output, 3);
    let rows = world.rows("out/results.csv");
    assert_eq!(
        rows[0].mask.as_deref(),
        Some(&*format!("masks{}/1.png.png", world.films()))
    );
    assert_eq!(rows[1].error.as_deref(), Some("unreadable"));
}

#[test]
fn what_can_not_work_is_said_before_anything_is_done() {
    let world = World::with_films(2);
    let films = world.films();
    let refusal = |arguments: &[&str], code: i32, words: &str| {
        let output = run(SEGMENT, world.arguments("films/out", arguments));
        assert_code(&output, code);
        assert!(said(&output).contains(words), "{}", said(&output));
    };
    refusal(&[&films], 1, "would be taken for films");
    refusal(&["/no/such/folder"], 1, "there is no file or folder");
    refusal(&[], 2, "<INPUT>");
    refusal(&[&films, "--shard=3/3"], 2, "--shard");
    fs_err::create_dir(world.path("empty")).unwrap();
    refusal(
        &[world.path("empty").to_str().unwrap()],
        1,
        "no film was found",
    );
}

#[test]
fn a_second_worker_of_the_same_part_stops() {
    let world = World::with_films(40);
    assert_code(&world.segment("out", &[]), 0);
    // As a worker left it that is at work: the first rows are not there yet, the next ones are.
    let rows = world.path("out/state/0-of-1/rows");
    fs_err::remove_file(rows.join("000000000000.jsonl")).unwrap();
    fs_err::rename(
        rows.join("000000000032.jsonl"),
        rows.join("000000000000.jsonl"),
    )
    .unwrap();
    fs_err::write(rows.join("000000000008.jsonl"), b"").unwrap();
    let output = world.segment("out", &[]);
    assert_code(&output, 1);
    assert!(
        said(&output).contains("another worker"),
        "{}",
        said(&output)
    );
}

#[test]
fn films_are_named_in_the_table_and_never_in_the_log() {
    let world = World::new();
    world.put("films/Miller^Anna.png", &small::film(1, 64));
    world.put("films/Mueller^Otto.png", b"no film");
    let output = world.segment("out", &["--log-filter=trace"]);
    assert_code(&output, 3);
    assert!(said(&output).contains("model loaded"), "{}", said(&output));
    for text in [said(&output), String::from_utf8(output.stdout).unwrap()] {
        assert!(
            !text.contains("Miller") && !text.contains("Mueller"),
            "{text}"
        );
    }
    let table = fs_err::read_to_string(world.path("out/results.csv")).unwrap();
    assert!(table.contains("Miller^Anna.png") && table.contains("Mueller^Otto.png"));
}

#[test]
fn an_odd_film_is_passed_over_and_keeps_nobody_from_his_mask() {
    let world = World::with_films(2);
    let long = format!("films/{}.png", "x".repeat(250));
    world.put(&long, &small::film(1, 64));
    world.put("films/a", &small::film(2, 64));
    world.put("films/a.png/b", &small::film(3, 64));
    std::os::unix::fs::symlink("nowhere", world.path("films/broken.png")).unwrap();
    std::os::unix::fs::symlink(world.path("films"), world.path("films/loop")).unwrap();
    let pipe = world.path("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    assert_code(&world.segment("out", &[pipe.to_str().unwrap()]), 3);
    let rows = world.rows("out/results.csv");
    let failed = |name: &str| {
        let row = rows
            .iter()
            .find(|row| row.file.ends_with(name))
            .unwrap_or_else(|| panic!("{name}: {rows:?}"));
        row.error.clone()
    };
    assert_eq!(failed(&long).as_deref(), Some("unnameable"));
    for name in ["broken.png", "films/loop", "pipe"] {
        assert_eq!(failed(name).as_deref(), Some("unreadable"), "{name}");
    }
    // One of the two has its mask where the other's would need a folder.
    assert_eq!(
        [failed("films/a"), failed("a.png/b")]
            .iter()
            .filter(|error| error.is_none())
            .count(),
        1
    );
    assert_eq!((failed("/0.png"), failed("/1.png")), (None, None));
}

#[test]
fn masks_never_go_where_films_are() {
    let world = World::with_films(1);
    world.put("masks/a.png", &small::film(1, 64));
    let root = world.root.path();
    let masks = root.join("masks").display().to_string();
    let refused = run(SEGMENT, world.arguments(".", &[&masks]));
    assert_code(&refused, 1);
    assert!(
        said(&refused).contains("would be taken for films"),
        "{}",
        said(&refused)
    );
    // Also through a link.
    fs_err::create_dir(world.path("films/inner")).unwrap();
    std::os::unix::fs::symlink(world.path("films/inner"), world.path("link")).unwrap();
    assert_code(&world.segment("link", &[]), 1);
    let deep = format!("{}/*/*/*.png", world.films());
    assert_code(&run(SEGMENT, world.arguments("films/inner", &[&deep])), 1);
    let listed = format!("{masks}/a.png");
    fs_err::write(world.path("list"), listed).unwrap();
    let list = format!("--list={}", world.path("list").display());
    assert_code(&run(SEGMENT, world.arguments(".", &[&list])), 3);
}

#[test]
fn films_that_come_later_are_found_by_a_run_that_had_none_and_lists_that_change_are_told() {
    let world = World::new();
    fs_err::create_dir(world.path("films")).unwrap();
    for shard in ["--shard=0/1", "--shard=0/2"] {
        let nothing = world.segment("out", &[shard]);
        assert_code(&nothing, 1);
        assert!(
            said(&nothing).contains("no film was found"),
            "{}",
            said(&nothing)
        );
    }
    world.put("films/1.png", &small::film(1, 64));
    assert_code(&world.segment("out", &[]), 0);
    let list = format!("--list={}", world.path("list").display());
    for (films, code, words) in [("1.png", 0, "1 films"), ("1.png\n", 1, "list_sha256")] {
        fs_err::write(world.path("list"), format!("{}/{films}", world.films())).unwrap();
        let output = run(SEGMENT, world.arguments("listed", &[&list]));
        assert_code(&output, code);
        let all = said(&output) + &String::from_utf8_lossy(&output.stdout);
        assert!(all.contains(words), "{all}");
    }
}

#[test]
fn a_film_above_the_limits_is_passed_over() {
    let world = World::with_films(1);
    world.put(
        "films/large.png",
        &png::encode_radiograph(&small::phantom(1, 300, 300).film),
    );
    let most = format!("--max-file={}", small::film(0, 64).len() + 100);
    assert_code(&world.segment("bytes", &[&most]), 3);
    assert_code(&world.segment("pixels", &["--max-pixels=5000"]), 3);
    for (out, error) in [("bytes", "file_too_large"), ("pixels", "too_many_pixels")] {
        let rows = world.rows(&format!("{out}/results.csv"));
        let found: Vec<_> = rows.iter().filter_map(|row| row.error.as_deref()).collect();
        assert_eq!(found, [error]);
    }
}
