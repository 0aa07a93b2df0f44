//! Keeps the state of a run, so that it can be continued: its settings, the list of its films, and a row for each film that is done.
//!
//! Films are listed once and numbered. Rows are kept in the same order, in files that are named by the number of their
//! first row and appear whole or not at all. So the end of the last file says how far a run has come, and memory does not
//! grow with the archive. A file of rows is never replaced: if two workers have the same part by mistake, the second finds
//! that a file exists already, and stops.

mod order;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::address::Address;
use crate::files::{FileError, Files};
use crate::row::Row;
use crate::shard::Shard;
use crate::sources::{Found, SourceError, Sources};
use lungfield_model::device::Precision;

pub use self::order::Order;

/// The number of films in a file of the list.
const CHUNK: usize = 4096;
/// The file with the settings of a run.
const RUN: &str = "run.json";
/// The folder of the files of rows.
const ROWS: &str = "rows";

/// Why a run can't begin, continue or keep its rows.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The output has a run with other settings.
    #[error(
        "{place} belongs to a run with other settings ({differences}); choose another output, or remove it"
    )]
    OtherOrder {
        /// The file with the settings of that run.
        place: String,
        /// The names of the settings that differ.
        differences: String,
    },
    /// Another worker has the same part.
    #[error("another worker segments this part of the archive; start one worker for each part")]
    Rival,
    /// A file of the ledger can't be parsed.
    #[error("{place} is damaged: {error}")]
    Damaged {
        /// The file.
        place: String,
        /// The error.
        error: serde_json::Error,
    },
    /// A file can't be read or written.
    #[error("{place}: {error}")]
    File {
        /// The file.
        place: String,
        /// The error.
        error: FileError,
    },
    /// There is no film.
    #[error("no film was found")]
    NoFilm,
    /// The films can't be listed.
    #[error(transparent)]
    Sources(#[from] SourceError),
}

/// The content of the file with the settings of a run.
#[derive(Debug, Serialize, Deserialize)]
struct Run {
    order: Order,
    /// The folder with the list of films.
    plan: String,
    films: u64,
}

/// The state of a run, in files of its output folder.
///
/// # Examples
/// Lists the films of a folder, keeps the row of a film, and writes the table:
/// ```
/// use lungfield_archive::ledger::{Ledger, Order};
/// use lungfield_archive::{address::Address, files::Files, row::Row, shard::Shard, sources::Sources, table};
/// use lungfield_codec::ModelIdentity;
/// use lungfield_model::device::Precision;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let folder = tempfile::tempdir()?;
/// std::fs::create_dir(folder.path().join("films"))?;
/// std::fs::write(folder.path().join("films/a.png"), b"not a film")?;
/// let films = folder.path().join("films").display().to_string();
/// let out = Address::Local(folder.path().join("out"));
/// let order = Order {
///     format: 1,
///     inputs: vec![films.clone()],
///     list: None,
///     reference: None,
///     shard: Shard::WHOLE,
///     mask: "png".to_owned(),
///     threshold: 0.5,
///     max_pixels: 64_000_000,
///     max_file_bytes: 64 << 20,
///     precision: Precision::F32,
///     list_sha256: None,
///     model: ModelIdentity {
///         name: "lungfield-segnet".to_owned(),
///         version: "1.0.0".to_owned(),
///         weights_sha256: "0".repeat(64),
///     },
/// };
///
/// let files = Files::default();
/// let sources = Sources::resolve(&[films.clone()], None, &out, &files).await?;
/// let ledger = Ledger::open(&files, &out, order.clone(), sources).await?;
/// assert_eq!((ledger.films(), ledger.rows_kept().await?), (1, 0));
///
/// let row = Row::failed(format!("{films}/a.png"), "unrecognised_image", "not an image".to_owned());
/// ledger.keep(0, &[row]).await?;
/// let tally = table::write(&files, &out, &order, ledger.rows().await?).await?;
/// assert_eq!((tally.films, tally.failed), (1, 1));
/// assert!(folder.path().join("out/results.csv").exists());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Ledger<'a> {
    files: &'a Files,
    folder: Address,
    run: Run,
}

impl<'a> Ledger<'a> {
    /// Opens the ledger of an output folder, or creates one with the films of `sources`.
    ///
    /// # Errors
    /// Returns an error if there is a ledger with other settings, if no film is found, or if files can't be read or written.
    pub async fn open(
        files: &'a Files,
        out: &Address,
        order: Order,
        sources: Sources,
    ) -> Result<Self, LedgerError> {
        let folder = ledger_folder(out, order.shard);
        if let Some(run) = read_same_run(files, &folder, &order).await? {
            return Ok(Self { files, folder, run });
        }
        let plan = format!("films-{}", Uuid::now_v7());
        let films = list_films(files, &folder.join(&plan), order.shard, sources).await?;
        let new = Run {
            order: order.clone(),
            plan,
            films,
        };
        if films == 0 {
            return Ok(Self {
                files,
                folder,
                run: new,
            }); // no ledger is written, since films may come later
        }
        let written = serde_json::to_vec_pretty(&new).expect("an order can be written as JSON");
        let place = folder.join(RUN);
        match files.create(&place, written.into()).await {
            Ok(()) => Ok(Self {
                files,
                folder,
                run: new,
            }),
            // Another worker created the ledger meanwhile: its list of films is used.
            Err(FileError::AlreadyExists) => {
                let run = read_same_run(files, &folder, &order)
                    .await?
                    .ok_or(LedgerError::Rival)?;
                Ok(Self { files, folder, run })
            }
            Err(error) => Err(file(&place)(error)),
        }
    }

    /// Returns the number of films.
    #[must_use]
    pub fn films(&self) -> u64 {
        self.run.films
    }

    /// Returns the number of films that have a row.
    pub async fn rows_kept(&self) -> Result<u64, LedgerError> {
        let folder = self.folder.join(ROWS);
        let names = self.files.names(&folder).await.map_err(file(&folder))?;
        let Some((first, name)) = names
            .iter()
            .rev()
            .find_map(|name| Some((first_row(name)?, name)))
        else {
            return Ok(0);
        };
        let last: Vec<Row> = lines(self.files, &folder.join(name)).await?;
        Ok(first + last.len() as u64)
    }

    /// Streams the films in their order, from the film with the number `first`.
    #[must_use]
    pub fn films_from(&self, first: u64) -> BoxStream<'_, Result<Found, LedgerError>> {
        let chunk = CHUNK as u64;
        let (start, within) = (
            first / chunk,
            usize::try_from(first % chunk).unwrap_or_default(),
        );
        let chunks = stream::iter(start..self.run.films.div_ceil(chunk));
        let films = chunks.then(move |number| async move {
            let place = self.folder.join(&self.run.plan).join(&chunk_name(number));
            let films: Vec<Found> = lines(self.files, &place).await?;
            Ok::<_, LedgerError>(stream::iter(films).map(Ok))
        });
        films.try_flatten().skip(within).boxed()
    }

    /// Keeps the rows of consecutive films, from the film with the number `first`.
    ///
    /// # Errors
    /// Returns [`LedgerError::Rival`] if another worker has kept these rows, or an error if they can't be written.
    pub async fn keep(&self, first: u64, rows: &[Row]) -> Result<(), LedgerError> {
        let place = self.folder.join(ROWS).join(&rows_name(first));
        match self.files.create(&place, as_lines(rows)).await {
            Ok(()) => Ok(()),
            Err(FileError::AlreadyExists) => Err(LedgerError::Rival),
            Err(error) => Err(file(&place)(error)),
        }
    }

    /// Streams all rows that are kept, in the order of the films.
    pub async fn rows(&self) -> Result<BoxStream<'_, Result<Row, LedgerError>>, LedgerError> {
        let folder = self.folder.join(ROWS);
        let names = self.files.names(&folder).await.map_err(file(&folder))?;
        let places = names
            .into_iter()
            .filter(|name| first_row(name).is_some())
            .map(move |name| folder.join(&name));
        let files = self.files;
        // Several files are read at the same time, since each request to a bucket takes long.
        let read =
            stream::iter(places).map(move |place| async move { lines::<Row>(files, &place).await });
        let rows = read.buffered(8).map_ok(|rows| stream::iter(rows).map(Ok));
        Ok(rows.try_flatten().boxed())
    }
}

/// Returns the precision of the run in this output, if one has begun. The automatic choice may differ on another machine.
pub async fn precision(
    files: &Files,
    out: &Address,
    shard: Shard,
) -> Result<Option<Precision>, LedgerError> {
    Ok(read_run(files, &ledger_folder(out, shard))
        .await?
        .map(|run| run.order.precision))
}

/// Returns the folder of the ledger of a part.
fn ledger_folder(out: &Address, shard: Shard) -> Address {
    out.join(&format!("state/{}", shard.name()))
}

/// Reads the run in a folder, if there is one, and checks that it has the same settings.
async fn read_same_run(
    files: &Files,
    folder: &Address,
    order: &Order,
) -> Result<Option<Run>, LedgerError> {
    let Some(run) = read_run(files, folder).await? else {
        return Ok(None);
    };
    let differences = run.order.differences(order);
    if differences.is_empty() {
        return Ok(Some(run));
    }
    Err(LedgerError::OtherOrder {
        place: folder.join(RUN).to_string(),
        differences,
    })
}

/// Reads the run in a folder, if there is one.
async fn read_run(files: &Files, folder: &Address) -> Result<Option<Run>, LedgerError> {
    let place = folder.join(RUN);
    let bytes = match files.read(&place).await {
        Ok(bytes) => bytes,
        Err(FileError::NotFound) => return Ok(None),
        Err(error) => return Err(file(&place)(error)),
    };
    let damaged = |error| LedgerError::Damaged {
        place: place.to_string(),
        error,
    };
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}

/// Writes the list of the films of a shard, and returns their number.
async fn list_films(
    files: &Files,
    folder: &Address,
    shard: Shard,
    sources: Sources,
) -> Result<u64, LedgerError> {
    let mut found_any = false;
    let ours = sources.find(files).try_filter(|found| {
        found_any = true;
        std::future::ready(shard.holds(&found.file))
    });
    let mut chunks = std::pin::pin!(ours.try_chunks(CHUNK));
    let (mut number, mut films) = (0, 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|stream::TryChunksError(_, error)| error)?;
        let place = folder.join(&chunk_name(number));
        files
            .write(&place, as_lines(&chunk))
            .await
            .map_err(file(&place))?;
        number += 1;
        films += chunk.len() as u64;
    }
    if found_any {
        Ok(films)
    } else {
        Err(LedgerError::NoFilm)
    }
}

fn chunk_name(number: u64) -> String {
    format!("{number:09}.jsonl")
}

fn rows_name(first: u64) -> String {
    format!("{first:012}.jsonl")
}

/// Returns the number in the name of a file of rows; `None` for other files.
fn first_row(name: &str) -> Option<u64> {
    name.strip_suffix(".jsonl")?.parse().ok()
}

fn as_lines(items: &[impl Serialize]) -> Bytes {
    let mut text = Vec::new();
    for item in items {
        serde_json::to_writer(&mut text, item).expect("rows and films can be written as JSON");
        text.push(b'\n');
    }
    text.into()
}

async fn lines<T: DeserializeOwned>(files: &Files, place: &Address) -> Result<Vec<T>, LedgerError> {
    let bytes = files.read(place).await.map_err(file(place))?;
    let lines = bytes
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty());
    let damaged = |error| LedgerError::Damaged {
        place: place.to_string(),
        error,
    };
    lines
        .map(|line| serde_json::from_slice(line).map_err(damaged))
        .collect()
}

fn file(place: &Address) -> impl Fn(FileError) -> LedgerError {
    move |error| LedgerError::File {
        place: place.to_string(),
        error,
    }
}
