//! Decides how a run's rows become its result table: one CSV and one Parquet file, of the same rows and columns.

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

/// Rows in a row group of the Parquet file, and those that are held at a time.
const GROUP: usize = 4096;

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Films that were found.
    pub films: u64,
    /// Those of them that have no mask.
    pub failed: u64,
    /// Those whose mask is doubtful.
    pub warned: u64,
    /// Those that were measured against a reference mask.
    pub measured: u64,
    dice: f64,
}

impl Tally {
    /// Takes a row in.
    pub fn count(&mut self, row: &Row) {
        self.films += 1;
        self.failed += u64::from(row.error.is_some());
        self.warned += u64::from(row.warnings.as_ref().is_some_and(|codes| !codes.is_empty()));
        self.measured += u64::from(row.dice.is_some());
        self.dice += row.dice.unwrap_or_default();
    }

    /// The mean Dice of those that were measured.
    #[must_use]
    pub fn mean_dice(&self) -> Option<f64> {
        (self.measured > 0).then(|| self.dice / self.measured as f64)
    }
}

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The rows can't be read.
    #[error(transparent)]
    Rows(#[from] LedgerError),
    /// A file of the table can't be written.
    #[error("{place}: {error}")]
    File {
        /// Which.
        place: String,
        /// Why.
        error: FileError,
    },
    /// Rows can't be put into this form.
    #[error("the table can't be written as Parquet: {0}")]
    Parquet(#[from] ParquetError),
    /// The same for CSV.
    #[error("the table can't be written as CSV: {0}")]
    Csv(#[from] csv::Error),
}

/// Writes `results` with the run's suffix as `.csv` and `.parquet` from all rows of a run.
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

/// Both files, as they are written.
struct Table {
    csv: Output,
    parquet: Output,
    rows: SerializedFileWriter<Shared>,
    encoded: Shared,
    is_headed: bool,
}

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
            // A table of no film has its columns all the same.
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

fn as_csv(rows: &[Row], headed: bool) -> Result<Vec<u8>, TableError> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(headed)
        .from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    Ok(writer.into_inner().expect("memory can always be written"))
}

/// The file says which model its masks are of.
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

/// Bytes that the Parquet writer has given up, to be taken elsewhere.
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
