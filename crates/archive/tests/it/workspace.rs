//! Sets up archives for the tests, runs `lungfield-segment` over them, and reads what it wrote.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use lungfield_archive::row::Row;
use lungfield_testing::TEST_TIMEOUT;
use lungfield_testing::program::run;
use lungfield_testing::small;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use tempfile::TempDir;

pub(crate) const SEGMENT: &str = env!("CARGO_BIN_EXE_lungfield-segment");
/// Films that a run has in flight at a time.
pub(crate) const IN_FLIGHT: usize = 4;

/// A temporary folder with films and outputs, and a small model.
pub(crate) struct Workspace {
    model: TempDir,
    pub(crate) root: TempDir,
}

impl Workspace {
    /// Creates a workspace without films.
    pub(crate) fn new() -> Self {
        Self {
            model: small::model(),
            root: tempfile::tempdir().unwrap(),
        }
    }

    /// Creates a workspace of `count` films, a third of them in a folder below the others.
    pub(crate) fn with_films(count: u64) -> Self {
        let workspace = Self::new();
        for seed in 0..count {
            let folder = if seed % 3 == 0 { "films/deep" } else { "films" };
            workspace.write(&format!("{folder}/{seed}.png"), &small::film(seed, 64));
        }
        workspace
    }

    /// Returns the path of a file or folder of the workspace.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes a file, and creates its folder.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }

    /// Returns the arguments of a run that writes into `out`, with `more` behind them.
    pub(crate) fn arguments(&self, out: &str, more: &[&str]) -> Vec<String> {
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

    /// Returns the folder of films.
    pub(crate) fn films(&self) -> String {
        self.path("films").display().to_string()
    }

    /// Segments the folder of films, and waits for the end of the run.
    pub(crate) fn segment(&self, out: &str, more: &[&str]) -> Output {
        let films = self.films();
        run(
            SEGMENT,
            self.arguments(out, &[&[films.as_str()], more].concat()),
        )
    }

    /// Starts a run over the folder of films.
    pub(crate) fn spawn(&self, out: &str) -> Child {
        let films = self.films();
        let mut command = Command::new(SEGMENT);
        command
            .args(self.arguments(out, &[&films]))
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Reads the rows of a CSV table.
    pub(crate) fn rows(&self, table: &str) -> Vec<Row> {
        let mut reader = csv::Reader::from_path(self.path(table)).unwrap();
        reader.deserialize().map(Result::unwrap).collect()
    }

    /// Returns the inode of each mask: another inode means that the mask was written again.
    pub(crate) fn masks(&self, out: &str) -> BTreeMap<PathBuf, u64> {
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

    /// Waits until the ledger of a run in `out` has more than `rows` files of rows.
    pub(crate) fn wait_for_rows(&self, out: &str, rows: usize) {
        let folder = self.path(out).join("state/0-of-1/rows");
        let began = Instant::now();
        while count_files(&folder) <= rows {
            assert!(began.elapsed() < TEST_TIMEOUT, "no rows");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Returns whether a file is incomplete, since its writer was killed.
fn is_partial(entry: &fs_err::DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with(".tmp")
}

/// Counts the complete files of a folder; 0 if there is no such folder.
pub(crate) fn count_files(folder: &Path) -> usize {
    let entries = fs_err::read_dir(folder).into_iter().flatten();
    entries
        .filter(|entry| !is_partial(entry.as_ref().unwrap()))
        .count()
}

/// Returns the standard error of a program.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts the exit code of a program.
#[track_caller]
pub(crate) fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", stderr(output));
}

/// Reads the rows of a Parquet file as pairs of column and text, with the text as a CSV file has it.
pub(crate) fn parquet_rows(path: &Path) -> Vec<Vec<(String, String)>> {
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

/// Reads the rows of a CSV file as pairs of column and text.
pub(crate) fn csv_rows(path: &Path) -> Vec<Vec<(String, String)>> {
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
