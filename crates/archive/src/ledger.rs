//! Keeps the state of a run, so that it can be continued: its settings, the list of its films, and a row for each film that is done.
//!
//! Films are listed once and numbered. Rows are kept in the same order, in files that are named by the number of their
//! first row and appear whole or not at all. So the end of the last file says how far a run has come, and memory does not
//! grow with the archive. A file of rows is never replaced: if two workers have the same part by mistake, the second finds
//! that a file exists already, and stops.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::address::Address;
use super::files::{FileError, Files};
use super::row::Row;
use super::shard::Shard;
use super::sources::{Found, SourceError, Sources};
use lungfield_codec::ModelIdentity;
use lungfield_model::device::Precision;

/// The number of films in a file of the list.
const CHUNK: usize = 4096;
/// The file with the settings of a run.
const RUN: &str = "run.json";
/// The folder of the files of rows.
const ROWS: &str = "rows";

/// The settings of a run. A run with other settings can't continue it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The version of the format of the ledger.
    pub format: u32,
    /// The inputs, as they were given.
    pub inputs: Vec<String>,
    /// The list, as it was given.
    pub list: Option<String>,
    /// The folder of reference masks.
    pub reference: Option<String>,
    /// The part of the films that the run segments.
    pub shard: Shard,
    /// The file extension of the masks.
    pub mask: String,
    /// The probability from which on a pixel is lung.
    pub threshold: f32,
    /// The largest number of pixels of a film.
    pub max_pixels: u64,
    /// The largest file of a film, in bytes.
    pub max_file_bytes: u64,
    /// The precision in which the model computes.
    pub precision: Precision,
    /// The SHA-256 of the list, if it is a file.
    pub list_sha256: Option<String>,
    /// The model.
    #[serde(flatten, with = "model_columns")]
    pub model: ModelIdentity,
}

/// The identity of a model among the other facts of an order.
mod model_columns {
    use lungfield_codec::ModelIdentity;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Columns {
        model_name: String,
        model_version: String,
        weights_sha256: String,
    }

    pub(super) fn serialize<S: Serializer>(
        model: &ModelIdentity,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let ModelIdentity {
            name,
            version,
            weights_sha256,
        } = model.clone();
        let columns = Columns {
            model_name: name,
            model_version: version,
            weights_sha256,
        };
        columns.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<ModelIdentity, D::Error> {
        let columns = Columns::deserialize(deserializer)?;
        Ok(ModelIdentity {
            name: columns.model_name,
            version: columns.model_version,
            weights_sha256: columns.weights_sha256,
        })
    }
}

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
            Err(FileError::Taken) => {
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
            Err(FileError::Taken) => Err(LedgerError::Rival),
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
    let differences = differences(&run.order, order);
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
        Err(FileError::Missing) => return Ok(None),
        Err(error) => return Err(file(&place)(error)),
    };
    let damaged = |error| LedgerError::Damaged {
        place: place.to_string(),
        error,
    };
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}

/// Returns the names of the settings that differ.
fn differences(one: &Order, other: &Order) -> String {
    let fields = |order| match serde_json::to_value(order) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => unreachable!("an order is a JSON object"),
    };
    let (one, other) = (fields(one), fields(other));
    let differing = one
        .iter()
        .filter(|(name, value)| other.get(*name) != Some(value));
    differing
        .map(|(name, _)| name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
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
