//! Defines the flags of `lungfield-segment`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::address::Address;
use crate::shard::Shard;
use lungfield_codec::rendering::{RENDERING_FORMATS, RenderingFormat};
use lungfield_model::settings::{FilmSettings, ModelSettings};
use lungfield_radiograph::mask::Threshold;
use lungfield_support::flags::positive;
use lungfield_support::log::LogSettings;

/// Segments the films of folders, lists, patterns or s3:// buckets, and writes a mask for each and one table.
///
/// Started again with the same arguments, it continues where it stopped. The variables `AWS_…` configure S3
/// (`AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`). Exit codes: 0 every
/// film has a mask; 3 some films have none, and the table says why; 130 it was asked to stop; 1 it could not continue; 2
/// wrong arguments. Not a medical device.
#[derive(Clone, Debug, Parser)]
#[command(name = "lungfield-segment", version)]
pub struct SegmentSettings {
    /// Films: files, folders, patterns in quotes (`'films/**/*.dcm'`), or objects of a bucket as `s3://BUCKET/PREFIX`.
    #[arg(value_name = "INPUT", required_unless_present = "list")]
    pub inputs: Vec<String>,
    /// A file with a film's path or s3:// address on each line, each film once; `-` is standard input.
    #[arg(long, env = "LUNGFIELD_LIST", value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// The output for masks and table: a folder, or `s3://BUCKET/PREFIX`.
    #[arg(long, env = "LUNGFIELD_OUT", value_name = "FOLDER", value_parser = address)]
    pub out: Address,
    /// The folder of reference masks, which have the names of their films (or with `_mask`): the table gets Dice and Jaccard.
    #[arg(long, env = "LUNGFIELD_REFERENCE", value_name = "FOLDER", value_parser = address)]
    pub reference: Option<Address>,
    /// What masks are written as.
    #[arg(long, env = "LUNGFIELD_FORMAT", default_value = "png", value_parser = rendering_format())]
    pub format: &'static RenderingFormat,
    /// The probability from which on a pixel is lung; the model's own by default.
    #[arg(long, env = "LUNGFIELD_THRESHOLD")]
    pub threshold: Option<Threshold>,
    /// Segment only one part of the films: part I of N, from 0/N to N-1/N. All parts may run at the same time.
    #[arg(
        long,
        env = "LUNGFIELD_SHARD",
        default_value = "0/1",
        value_name = "I/N"
    )]
    pub shard: Shard,
    /// The model, and where it runs.
    #[command(flatten)]
    pub model: ModelSettings,
    /// The most films in a batch; by default 32 on CUDA, and 1 on the CPU, which is faster with one film at a time.
    #[arg(long, env = "LUNGFIELD_MAX_BATCH_SIZE")]
    pub max_batch_size: Option<NonZeroUsize>,
    /// Films that are read, segmented or written at the same time; by default twice what the device and the cores work on.
    #[arg(long, env = "LUNGFIELD_IN_FLIGHT")]
    pub in_flight: Option<NonZeroUsize>,
    /// How films are decoded.
    #[command(flatten)]
    pub films: FilmSettings,
    /// The largest file of a film; a larger one has an error in the table.
    #[arg(long, env = "LUNGFIELD_MAX_FILE", default_value = "64MiB", value_parser = positive)]
    pub max_file: u64,
    /// The most bytes of films' files that are in memory at the same time.
    #[arg(long, env = "LUNGFIELD_READ_AHEAD", default_value = "512MiB", value_parser = positive)]
    pub read_ahead: u64,
    /// How the log is written.
    #[command(flatten)]
    pub log: LogSettings,
}

impl SegmentSettings {
    /// Checks that settings do not contradict each other.
    ///
    /// # Errors
    /// Returns a text that names the settings.
    pub fn check(&self) -> Result<(), String> {
        if self.read_ahead < self.max_file {
            let (ahead, file) = (self.read_ahead, self.max_file);
            return Err(format!(
                "--read-ahead ({ahead} bytes) is less than --max-file ({file} bytes)"
            ));
        }
        Ok(())
    }
}

/// Parses the name of a rendering that archives can be written in.
fn rendering_format() -> impl TypedValueParser<Value = &'static RenderingFormat> {
    let offered = RENDERING_FORMATS
        .into_iter()
        .filter(|format| format.in_archive);
    let names = offered.map(|format| PossibleValue::new(format.name).help(format.summary));
    PossibleValuesParser::new(names)
        .try_map(|name| RenderingFormat::named(&name).ok_or("there is no such format"))
}

fn address(text: &str) -> Result<Address, String> {
    Address::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use lungfield_support::flags::without_variable;

    fn parse(arguments: &[&str]) -> Result<SegmentSettings, clap::Error> {
        SegmentSettings::try_parse_from(
            std::iter::once("lungfield-segment").chain(arguments.iter().copied()),
        )
    }

    #[test]
    fn every_flag_is_a_variable_of_the_same_name() {
        assert!(without_variable(&SegmentSettings::command()).is_empty());
    }

    #[test]
    fn films_and_an_output_are_needed() {
        assert!(parse(&["films"]).is_err() && parse(&["--out=x"]).is_err());
        assert!(parse(&["films", "--out=x"]).is_ok() && parse(&["--list=-", "--out=x"]).is_ok());
    }

    #[test]
    fn bad_values_are_refused_with_their_flag() {
        for bad in [
            "--shard=2/2",
            "--out=gs://b",
            "--format=gif",
            "--threshold=1",
            "--max-file=0",
            "--in-flight=0",
        ] {
            let flag = bad.split('=').next().unwrap();
            let error = parse(&["films", "--out=x", bad]).unwrap_err().to_string();
            assert!(error.contains(flag), "{error}");
        }
        assert!(
            parse(&["films", "--out=x", "--read-ahead=1MiB"])
                .unwrap()
                .check()
                .is_err()
        );
    }
}
