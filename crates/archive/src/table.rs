//! Writes the result table of a run: a CSV file and a Parquet file with the same rows and columns.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{Stream, TryStreamExt};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::record::RecordWriter;

use super::address::Address;
use super::files::{FileError, Files, Writer};
use super::ledger::{LedgerError, Order};
use super::row::Row;

/// The number of rows in a row group of the Parquet file, which are in memory at the same time.
const GROUP: usize = 4096;

/// The counts of a run.
///
/// # Examples
/// ```
/// use lungfield_archive::{row::Row, table::Tally};
///
/// let mut tally = Tally::default();
/// tally.count(&Row { dice: Some(0.9), ..Row::default() });
/// tally.count(&Row { dice: Some(1.0), warnings: Some("no_lung".to_owned()), ..Row::default() });
/// tally.count(&Row::failed("a.png".to_owned(), "unreadable", String::new()));
/// assert_eq!((tally.films, tally.failed, tally.warned, tally.measured), (3, 1, 1, 2));
/// assert_eq!(tally.mean_dice(), Some(0.95));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// The number of films.
    pub films: u64,
    /// The number of films without a mask.
    pub failed: u64,
    /// The number of films whose mask has a warning.
    pub warned: u64,
    /// The number of films that were compared with a reference mask.
    pub measured: u64,
    dice_sum: f64,
}

impl Tally {
    /// Counts a row.
    pub fn count(&mut self, row: &Row) {
        self.films += 1;
        self.failed += u64::from(row.error.is_some());
        self.warned += u64::from(row.warnings.as_ref().is_some_and(|codes| !codes.is_empty()));
        self.measured += u64::from(row.dice.is_some());
        self.dice_sum += row.dice.unwrap_or_default();
    }

    /// Returns the mean Dice coefficient of the films that were compared; `None` if there are none.
    #[must_use]
    pub fn mean_dice(&self) -> Option<f64> {
        (self.measured > 0).then(|| self.dice_sum / self.measured as f64)
    }
}

/// Why a table can't be written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The rows can't be read.
    #[error(transparent)]
    Rows(#[from] LedgerError),
    /// A file of the table can't be written.
    #[error("{place}: {error}")]
    File {
        /// The file.
        place: String,
        /// The error.
        error: FileError,
    },
    /// The rows can't be written as Parquet.
    #[error("the table can't be written as Parquet: {0}")]
    Parquet(#[from] ParquetError),
    /// The rows can't be written as CSV.
    #[error("the table can't be written as CSV: {0}")]
    Csv(#[from] csv::Error),
}

/// Writes the rows of a run as `results.csv` and `results.parquet`, with the suffix of its shard in the names.
///
/// # Errors
/// Returns an error if rows can't be read, or a file can't be written.
pub async fn write(
    files: &Files,
    out: &Address,
    order: &Order,
    rows: impl Stream<Item = Result<Row, LedgerError>>,
) -> Result<Tally, TableError> {
    let name = format!("results{}", order.shard.suffix());
    let mut table = Table::begin(files, out, &name, order).await?;
    let mut tally = Tally::default();
    let mut groups = std::pin::pin!(rows.try_chunks(GROUP));
    while let Some(group) = groups.try_next().await.map_err(|broken| broken.1)? {
        for row in &group {
            tally.count(row);
        }
        table.write(&group).await?;
    }
    table.finish().await?;
    Ok(tally)
}

/// The two files of a table that is being written.
struct Table {
    csv: Output,
    parquet: Output,
    rows: SerializedFileWriter<Shared>,
    encoded: Shared,
    is_headed: bool,
}

/// A file that is being written, and its address.
struct Output {
    place: Address,
    writer: Writer,
}

impl Output {
    async fn begin(files: &Files, place: Address) -> Result<Self, TableError> {
        match files.writer(&place).await {
            Ok(writer) => Ok(Self { place, writer }),
            Err(error) => Err(TableError::File {
                place: place.to_string(),
                error,
            }),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), TableError> {
        let place = &self.place;
        self.writer
            .write(bytes)
            .await
            .map_err(|error| TableError::File {
                place: place.to_string(),
                error,
            })
    }

    async fn finish(self) -> Result<(), TableError> {
        let place = self.place;
        self.writer
            .finish()
            .await
            .map_err(|error| TableError::File {
                place: place.to_string(),
                error,
            })
    }
}

impl Table {
    async fn begin(
        files: &Files,
        out: &Address,
        name: &str,
        order: &Order,
    ) -> Result<Self, TableError> {
        let encoded = Shared::default();
        let schema = (&[] as &[Row]).schema()?;
        let rows = SerializedFileWriter::new(encoded.clone(), schema, Arc::new(properties(order)))?;
        Ok(Self {
            csv: Output::begin(files, out.join(&format!("{name}.csv"))).await?,
            parquet: Output::begin(files, out.join(&format!("{name}.parquet"))).await?,
            rows,
            encoded,
            is_headed: false,
        })
    }

    async fn write(&mut self, group: &[Row]) -> Result<(), TableError> {
        let lines = as_csv(group, !self.is_headed)?;
        self.is_headed = true;
        self.csv.write(&lines).await?;
        let mut row_group = self.rows.next_row_group()?;
        group.write_to_row_group(&mut row_group)?;
        row_group.close()?;
        self.parquet.write(&self.encoded.take()).await
    }

    async fn finish(mut self) -> Result<(), TableError> {
        if !self.is_headed {
            // A table without films still has a header.
            let header = as_csv(&[Row::default()], true)?;
            let end = header
                .iter()
                .position(|&byte| byte == b'\n')
                .map_or(header.len(), |end| end + 1);
            self.csv.write(&header[..end]).await?;
        }
        self.rows.close()?;
        self.parquet.write(&self.encoded.take()).await?;
        self.csv.finish().await?;
        self.parquet.finish().await
    }
}

/// Encodes rows as CSV.
fn as_csv(rows: &[Row], headed: bool) -> Result<Vec<u8>, TableError> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(headed)
        .from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    Ok(writer
        .into_inner()
        .expect("writing to memory does not fail"))
}

/// Returns the properties of the Parquet file, with the model as metadata.
fn properties(order: &Order) -> WriterProperties {
    let facts = [
        ("lungfield.model.name", order.model.name.as_str()),
        ("lungfield.model.version", &order.model.version),
        (
            "lungfield.model.weights_sha256",
            &order.model.weights_sha256,
        ),
        ("lungfield.precision", order.precision.name()),
    ];
    let facts = facts
        .map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned()))
        .to_vec();
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata(Some(facts))
        .build()
}

/// A buffer that the Parquet writer fills and [`Table`] empties.
#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
