//! Decides what is kept of a run so that another can go on with it: its order, the films that it found, and a row for each that is done.
//!
//! Films are found once and numbered. Rows are kept in the same order, in files that are named by the number of their first row and appear
//! whole; so how far a run has come is where the last one ends, and no memory grows with the archive. A file of rows is never replaced: of two
//! workers that have the same part by mistake, the second finds its place taken, and stops.

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

/// Found films in a file.
const CHUNK: usize = 4096;
/// The name of the file that begins a run.
const RUN: &str = "run.json";
/// The folder of rows.
const ROWS: &str = "rows";

/// What makes two runs the same: where any of it differs, one can't go on with the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Of these files.
    pub format: u32,
    /// As they were given.
    pub inputs: Vec<String>,
    /// As it was given.
    pub list: Option<String>,
    /// Where reference masks are looked for.
    pub reference: Option<String>,
    /// Which part of the films it takes.
    pub shard: Shard,
    /// What masks are written as.
    pub mask: String,
    /// The probability from which on a pixel is lung.
    pub threshold: f32,
    /// The most pixels of a film.
    pub max_pixels: u64,
    /// The largest file of a film, in bytes.
    pub max_file_bytes: u64,
    /// The numbers in which it computes.
    pub precision: Precision,
    /// The sha256 of the list, where it is a file.
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

/// Why a run can't begin, go on or be kept.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The output holds something else.
    #[error(
        "{place} holds a run of other settings ({differences}); take another output, or remove it"
    )]
    OtherOrder {
        /// The run's file.
        place: String,
        /// What differs.
        differences: String,
    },
    /// Two workers have the same part.
    #[error("another worker writes the rows of this part of the archive; start one for each part")]
    Rival,
    /// A file that was written by a run can't be understood.
    #[error("{place} is damaged: {error}")]
    Damaged {
        /// Which.
        place: String,
        /// What is the matter.
        error: serde_json::Error,
    },
    /// A file can't be read or written.
    #[error("{place}: {error}")]
    File {
        /// Which.
        place: String,
        /// Why.
        error: FileError,
    },
    /// There is nothing to do.
    #[error("no film was found")]
    NoFilm,
    /// The films can't be listed.
    #[error(transparent)]
    Sources(#[from] SourceError),
}

/// What a run begins with.
#[derive(Debug, Serialize, Deserialize)]
struct Begun {
    order: Order,
    /// The folder of the found films.
    plan: String,
    films: u64,
}

/// The files that are kept of a run.
#[derive(Debug)]
pub struct Ledger<'a> {
    files: &'a Files,
    folder: Address,
    begun: Begun,
}

impl<'a> Ledger<'a> {
    /// The ledger of this order in an output's folder: the one that is there, or a new one of the films that `sources` find.
    pub async fn open(
        files: &'a Files,
        out: &Address,
        order: Order,
        sources: Sources,
    ) -> Result<Self, LedgerError> {
        let folder = state(out, order.shard);
        if let Some(begun) = begun(files, &folder, &order).await? {
            return Ok(Self {
                files,
                folder,
                begun,
            });
        }
        let plan = format!("films-{}", Uuid::now_v7());
        let films = plan_films(files, &folder.join(&plan), order.shard, sources).await?;
        let new = Begun {
            order: order.clone(),
            plan,
            films,
        };
        if films == 0 {
            return Ok(Self {
                files,
                folder,
                begun: new,
            }); // nothing to remember: films may come yet
        }
        let written = serde_json::to_vec_pretty(&new).expect("an order can be written as JSON");
        let place = folder.join(RUN);
        match files.create(&place, written.into()).await {
            Ok(()) => Ok(Self {
                files,
                folder,
                begun: new,
            }),
            // Another worker was faster: what it found counts.
            Err(FileError::Taken) => {
                let begun = begun(files, &folder, &order)
                    .await?
                    .ok_or(LedgerError::Rival)?;
                Ok(Self {
                    files,
                    folder,
                    begun,
                })
            }
            Err(error) => Err(file(&place)(error)),
        }
    }

    /// How many films there are.
    #[must_use]
    pub fn films(&self) -> u64 {
        self.begun.films
    }

    /// How many of them have a row.
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

    /// The films from one of them on, in their order.
    #[must_use]
    pub fn films_from(&self, first: u64) -> BoxStream<'_, Result<Found, LedgerError>> {
        let chunk = CHUNK as u64;
        let (start, within) = (
            first / chunk,
            usize::try_from(first % chunk).unwrap_or_default(),
        );
        let chunks = stream::iter(start..self.begun.films.div_ceil(chunk));
        let films = chunks.then(move |number| async move {
            let place = self.folder.join(&self.begun.plan).join(&chunk_name(number));
            let films: Vec<Found> = lines(self.files, &place).await?;
            Ok::<_, LedgerError>(stream::iter(films).map(Ok))
        });
        films.try_flatten().skip(within).boxed()
    }

    /// Keeps rows, of which the first belongs to the film `first`.
    pub async fn keep(&self, first: u64, rows: &[Row]) -> Result<(), LedgerError> {
        let place = self.folder.join(ROWS).join(&rows_name(first));
        match self.files.create(&place, as_lines(rows)).await {
            Ok(()) => Ok(()),
            Err(FileError::Taken) => Err(LedgerError::Rival),
            Err(error) => Err(file(&place)(error)),
        }
    }

    /// All rows that are kept, in their films' order.
    pub async fn rows(&self) -> Result<BoxStream<'_, Result<Row, LedgerError>>, LedgerError> {
        let folder = self.folder.join(ROWS);
        let names = self.files.names(&folder).await.map_err(file(&folder))?;
        let places = names
            .into_iter()
            .filter(|name| first_row(name).is_some())
            .map(move |name| folder.join(&name));
        let files = self.files;
        // Some ahead, since a bucket takes its time for each.
        let read =
            stream::iter(places).map(move |place| async move { lines::<Row>(files, &place).await });
        let rows = read.buffered(8).map_ok(|rows| stream::iter(rows).map(Ok));
        Ok(rows.try_flatten().boxed())
    }
}

/// The numbers in which a run in this output computes, where one has begun: another machine, or moment, may prefer others.
pub async fn precision(
    files: &Files,
    out: &Address,
    shard: Shard,
) -> Result<Option<Precision>, LedgerError> {
    Ok(read_begun(files, &state(out, shard))
        .await?
        .map(|begun| begun.order.precision))
}

/// What is kept of a part lies there.
fn state(out: &Address, shard: Shard) -> Address {
    out.join(&format!("state/{}", shard.name()))
}

/// What begun there, if anything did; it has to be the same order.
async fn begun(
    files: &Files,
    folder: &Address,
    order: &Order,
) -> Result<Option<Begun>, LedgerError> {
    let Some(begun) = read_begun(files, folder).await? else {
        return Ok(None);
    };
    let differences = differences(&begun.order, order);
    if differences.is_empty() {
        return Ok(Some(begun));
    }
    Err(LedgerError::OtherOrder {
        place: folder.join(RUN).to_string(),
        differences,
    })
}

async fn read_begun(files: &Files, folder: &Address) -> Result<Option<Begun>, LedgerError> {
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

/// The names of what differs.
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

/// Writes down the films of a shard, and counts them.
async fn plan_films(
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

/// The number in the name of a file of rows; `None` for what else may lie there.
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
