//! The journal of a training run: records as lines of JSON, events for `TensorBoard`, and curves.
//!
//! `metrics.jsonl` is the source. The event file and the curves are made from it when a run begins or resumes.

pub mod curves;
mod record;
mod tensorboard;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fs_err::File;
use serde::{Deserialize, Serialize};

use self::record::{Entry, Event};
use lungfield_support::files;

/// The file of the records: a JSON object in each line, in the order of the run.
pub const METRICS: &str = "metrics.jsonl";
/// The picture of the records, drawn again after every validation.
pub const CURVES: &str = "curves.svg";

/// The record of some iterations. The caller chooses how many, and averages over them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The number of finished iterations.
    pub iteration: u32,
    /// The mean loss, which may be NaN or infinite.
    #[serde(deserialize_with = "record::number")]
    pub loss: f64,
    /// The learning rate of the last iteration.
    #[serde(deserialize_with = "record::number")]
    pub learning_rate: f64,
    /// The number of films per second.
    #[serde(deserialize_with = "record::number")]
    pub images_per_second: f64,
    /// The share of the time in which the network waited for films, from 0 to 1.
    #[serde(deserialize_with = "record::number")]
    pub wait_share: f64,
}

/// The record of a validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidationRecord {
    /// The number of finished iterations.
    pub iteration: u32,
    /// The mean Dice over all films.
    #[serde(deserialize_with = "record::number")]
    pub mean_dice: f64,
    /// The lowest Dice of a film.
    #[serde(deserialize_with = "record::number")]
    pub lowest_dice: f64,
    /// Whether no earlier weights scored as high.
    pub best: bool,
    /// The mean Dice over the films of each source, with the name of the source.
    #[serde(with = "record::by_name")]
    pub by_source: Vec<(String, f64)>,
    /// The duration of the validation, in seconds.
    #[serde(deserialize_with = "record::number")]
    pub seconds: f64,
}

/// The open journal of a run.
///
/// Only one process at a time may write to a folder. Everything that is written survives a crash of the process. After a
/// power cut the last lines may be missing, since only [`Journal::finish`] waits for the disk.
///
/// ```
/// use lungfield_training::train::journal::{Journal, METRICS, StepRecord};
///
/// let folder = tempfile::tempdir()?;
/// let mut journal = Journal::open(folder.path(), 0)?;
/// journal.step(&StepRecord {
///     iteration: 10,
///     loss: 0.5,
///     learning_rate: 0.02,
///     images_per_second: 8.0,
///     wait_share: 0.0,
/// })?;
/// journal.finish()?;
/// let lines = std::fs::read_to_string(folder.path().join(METRICS))?;
/// assert!(lines.starts_with(r#"{"event":"step","iteration":10,"loss":0.5,"#));
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    clock: fn() -> SystemTime,
    lines: File,
    events: File,
    steps: Vec<StepRecord>,
    validations: Vec<ValidationRecord>,
}

impl Journal {
    /// Begins or continues the journal in `folder`, which is created if it does not exist.
    ///
    /// `done` is the iteration from which the run resumes, and 0 for a new run. Records of later iterations and an
    /// incomplete last line are removed. Any other line that can't be read is an error.
    pub fn open(folder: &Path, done: u32) -> io::Result<Self> {
        Self::with_clock(folder, done, SystemTime::now)
    }

    /// Does the same as [`Journal::open`], with the clock that dates the entries.
    pub fn with_clock(folder: &Path, done: u32, clock: fn() -> SystemTime) -> io::Result<Self> {
        fs_err::create_dir_all(folder)?;
        let path = folder.join(METRICS);
        let entries = kept(&path, done)?;
        files::replace(
            &path,
            entries
                .iter()
                .map(record::line)
                .collect::<String>()
                .as_bytes(),
        )?;
        let mut journal = Self {
            clock,
            lines: appending(&path)?,
            events: appending(&begin_events(folder, &entries, clock())?)?,
            folder: folder.to_owned(),
            steps: Vec::new(),
            validations: Vec::new(),
        };
        for entry in entries {
            journal.remember(entry.event);
        }
        journal.draw()?;
        Ok(journal)
    }

    /// Records some iterations.
    pub fn step(&mut self, record: &StepRecord) -> io::Result<()> {
        self.write(Event::Step(record.clone()))
    }

    /// Records a validation and draws the curves again.
    pub fn validation(&mut self, record: &ValidationRecord) -> io::Result<()> {
        self.write(Event::Validation(record.clone()))?;
        self.draw()
    }

    /// Draws the curves a last time and waits until everything is on disk.
    pub fn finish(self) -> io::Result<()> {
        self.draw()?;
        self.lines.sync_all()?;
        self.events.sync_all()
    }

    fn write(&mut self, event: Event) -> io::Result<()> {
        let entry = Entry {
            event,
            time: (self.clock)(),
        };
        // Each entry is written by one call, so that a crash leaves it whole or not at all.
        self.lines.write_all(record::line(&entry).as_bytes())?;
        self.events.write_all(&tensorboard::entry(&entry))?;
        self.remember(entry.event);
        Ok(())
    }

    fn remember(&mut self, event: Event) {
        match event {
            Event::Step(step) => self.steps.push(step),
            Event::Validation(validated) => self.validations.push(validated),
        }
    }

    fn draw(&self) -> io::Result<()> {
        let curves = curves::draw(&self.steps, &self.validations);
        files::replace(&self.folder.join(CURVES), curves.as_bytes())
    }
}

/// Reads the entries up to the iteration `done`. A file that does not exist has none.
fn kept(path: &Path, done: u32) -> io::Result<Vec<Entry>> {
    let bytes = match fs_err::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read?,
    };
    let unreadable = |error| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{}: {error}", path.display()),
        )
    };
    record::kept(&bytes, done).map_err(unreadable)
}

/// Writes an event file with `entries` into `folder` in place of all earlier ones that Lungfield wrote, and returns its
/// path.
///
/// `TensorBoard` joins the event files of a folder. Its two readers differ in how they discard iterations that a resumed
/// run repeats, so the new file replaces the earlier ones. A running reader discards what it has read from them when it
/// comes to the new file. For that the name of the new file must be the last, and the file before it must still exist:
/// it is emptied now and removed the next time.
fn begin_events(folder: &Path, entries: &[Entry], now: SystemTime) -> io::Result<PathBuf> {
    let mut earlier = Vec::new();
    for found in fs_err::read_dir(folder)? {
        let path = found?.path();
        if let Some(second) = path
            .file_name()
            .and_then(|name| tensorboard::second(name.to_str()?))
        {
            earlier.push((second, path));
        }
    }
    earlier.sort();
    let last = earlier.pop();
    let after = last.as_ref().map_or(0, |(second, _)| second + 1);
    let path = folder.join(tensorboard::file_name(
        tensorboard::unix(now).as_secs().max(after),
    ));
    files::replace(&path, &tensorboard::file(entries, now))?;
    if let Some((_, last)) = last {
        files::replace(&last, &[])?;
    }
    for (_, path) in earlier {
        fs_err::remove_file(path)?;
    }
    Ok(path)
}

fn appending(path: &Path) -> io::Result<File> {
    fs_err::OpenOptions::new().append(true).open(path)
}

#[cfg(test)]
mod tests;
