//! Decides what a training run records of itself: lines for programs, events for `TensorBoard`, curves for the eye.
//!
//! `metrics.jsonl` is the record; the event file and the curves are made from it whenever a run begins or resumes.

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

/// The record: a JSON object a line, in the order of the run.
pub const METRICS: &str = "metrics.jsonl";
/// The picture of the record, drawn anew at every validation.
pub const CURVES: &str = "curves.svg";

/// How some iterations went; the caller chooses how many, and averages over them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Iterations done.
    pub iteration: u32,
    /// The mean loss; it need not be finite.
    #[serde(deserialize_with = "record::number")]
    pub loss: f64,
    /// The learning rate of the last of them.
    #[serde(deserialize_with = "record::number")]
    pub learning_rate: f64,
    /// Films that the network learned from in a second.
    #[serde(deserialize_with = "record::number")]
    pub images_per_second: f64,
    /// The share of the time for which the network waited for films, from 0 to 1.
    #[serde(deserialize_with = "record::number")]
    pub wait_share: f64,
}

/// How well weights did on the validation films.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidationRecord {
    /// Iterations done.
    pub iteration: u32,
    /// The mean Dice over all films.
    #[serde(deserialize_with = "record::number")]
    pub mean_dice: f64,
    /// The lowest Dice of a film.
    #[serde(deserialize_with = "record::number")]
    pub lowest_dice: f64,
    /// Whether no earlier weights did as well.
    pub best: bool,
    /// The mean Dice over the films of each source, by the source's name.
    #[serde(with = "record::by_name")]
    pub by_source: Vec<(String, f64)>,
    /// How long the validation took.
    #[serde(deserialize_with = "record::number")]
    pub seconds: f64,
}

/// The open record of a run in its folder.
///
/// One process at a time writes to a folder. What is written survives the end of the process at any moment; after a
/// power cut the last lines may be missing, and only [`Journal::finish`] waits for the disk.
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
    /// Begins the record of a run in `folder`, which is made where it does not exist, or goes on with it.
    ///
    /// `done` is the iteration that the run resumes from, 0 for a new run: what the folder's record says of later
    /// iterations never happened, and is cut off together with a last line that was never finished.
    /// Fails where the record holds any other line that can't be read, rather than lose what follows it.
    pub fn open(folder: &Path, done: u32) -> io::Result<Self> {
        Self::with_clock(folder, done, SystemTime::now)
    }

    /// As [`Journal::open`], with the clock that dates the entries.
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

    /// Records how some iterations went.
    pub fn step(&mut self, record: &StepRecord) -> io::Result<()> {
        self.write(Event::Step(record.clone()))
    }

    /// Records a validation and draws the curves anew.
    pub fn validation(&mut self, record: &ValidationRecord) -> io::Result<()> {
        self.write(Event::Validation(record.clone()))?;
        self.draw()
    }

    /// Draws the curves a last time and sees to it that all is on disk.
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
        // One call each, so that the end of the process cuts off a whole entry or none.
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

/// What the record at `path` says of a run up to the iteration `done`; nothing where there is no record.
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

/// Puts an event file with `entries` into `folder`, in place of all earlier ones of ours, and gives its path.
///
/// `TensorBoard` joins the event files of a folder, but what makes it forget the iterations that a resumed run did not
/// keep differs between its two readers, so it is left none to forget. A reader that is running drops what it has of the
/// earlier files when it comes to the new one. For that the new one must follow them by name, and the last
/// of them must still be there: it is emptied, and removed the next time.
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
