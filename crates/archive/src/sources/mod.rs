//! Finds the films of a run: below a folder or a prefix of a bucket, by a pattern, or in a list.
//!
//! It also refuses inputs that name a film twice, and outputs whose masks a later run would take for films.

mod source;

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use serde::{Deserialize, Serialize};

use crate::address::{Address, AddressError};
use crate::files::{FileError, Files};
use lungfield_support::sha256;

use self::source::Source;

/// The name of standard input as a list.
const STANDARD_INPUT: &str = "-";

/// A film that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The address of the film, as a user writes it.
    pub file: String,
    /// The name of its results: its path relative to the common folder of all inputs. `None` if the name of the file is not
    /// valid Unicode.
    pub name: Option<String>,
}

/// Why films can't be found.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// An input is not an address.
    #[error("{text:?} can't be used: {error}")]
    Address {
        /// The input.
        text: String,
        /// The error.
        error: AddressError,
    },
    /// A pattern is not valid.
    #[error("the pattern can't be used: {0}")]
    Pattern(#[from] globset::Error),
    /// An input does not exist.
    #[error("there is no file or folder {0:?}")]
    Missing(String),
    /// A film would be found twice.
    #[error("{0} is given twice, or lies inside another input; give each film once")]
    Twice(String),
    /// Masks would be taken for films.
    #[error("the output {out} lies inside the input {input}; its masks would be taken for films")]
    OutputInside {
        /// The output.
        out: String,
        /// The input.
        input: String,
    },
    /// The list can't be read.
    #[error("the list can't be read: {0}")]
    List(#[source] io::Error),
    /// A folder or bucket can't be listed.
    #[error("{place} can't be listed: {error}")]
    Listing {
        /// The folder or bucket.
        place: String,
        /// The error.
        error: FileError,
    },
}

/// The inputs of a run: folders, files and patterns, and a list.
///
/// # Examples
/// ```
/// use futures_util::TryStreamExt;
/// use lungfield_archive::{address::Address, files::Files, sources::Sources};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let folder = tempfile::tempdir()?;
/// for film in ["one/a.png", "one/b.dcm", "two/c.png"] {
///     std::fs::create_dir_all(folder.path().join(film).parent().expect("films lie in folders"))?;
///     std::fs::write(folder.path().join(film), b"a film")?;
/// }
/// let pattern = format!("{}/**/*.png", folder.path().display());
/// let (files, out) = (Files::default(), Address::parse("/results")?);
/// let sources = Sources::resolve(&[pattern], None, &out, &files).await?;
/// let mut names: Vec<_> = sources.find(&files).map_ok(|film| film.name).try_collect().await?;
/// names.sort();
/// assert_eq!(names, [Some("one/a.png".to_owned()), Some("two/c.png".to_owned())]);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Sources {
    inputs: Vec<Source>,
    list: Option<PathBuf>,
    /// The components of the common folder of all inputs.
    base: Vec<String>,
}

impl Sources {
    /// Resolves the inputs and the list (`-` is standard input) of a run that writes to `out`.
    ///
    /// # Errors
    /// Returns an error if an input is not valid or does not exist, if inputs overlap, or if `out` lies inside an input.
    pub async fn resolve(
        inputs: &[String],
        list: Option<&Path>,
        out: &Address,
        files: &Files,
    ) -> Result<Self, SourceError> {
        let mut sources = Vec::with_capacity(inputs.len());
        for text in inputs {
            sources.push(Source::resolve(text, files).await?);
        }
        reject_overlaps(&sources)?;
        for source in &sources {
            source.reject_output(out)?;
        }
        let base = if list.is_some() {
            Vec::new()
        } else {
            common_prefix(sources.iter().map(Source::folder))
        };
        Ok(Self {
            inputs: sources,
            list: list.map(Path::to_owned),
            base,
        })
    }

    /// Returns the SHA-256 of the list, in hexadecimal; `None` if there is no list, or if it comes on standard input, which can
    /// be read only once.
    ///
    /// # Errors
    /// Returns [`SourceError::List`] if the list can't be read.
    pub fn list_sha256(&self) -> Result<Option<String>, SourceError> {
        let list = self.list.as_deref();
        let hash = |path| sha256::hex_of_reader(fs_err::File::open(path)?);
        list.filter(|&path| path != Path::new(STANDARD_INPUT))
            .map(hash)
            .transpose()
            .map_err(SourceError::List)
    }

    /// Streams the films, in no particular order. Folders are read as the stream is polled.
    pub fn find(self, files: &Files) -> BoxStream<'_, Result<Found, SourceError>> {
        let Self { inputs, list, base } = self;
        let naming = base.clone();
        let found = stream::iter(inputs).flat_map(move |source| source.find(&naming, files));
        let listed = stream::iter(list)
            .flat_map(move |list| stream::iter(films_of_list(&list, base.clone())));
        found.chain(listed).boxed()
    }
}

/// Reads the films of a list: an address on each line.
fn films_of_list(
    list: &Path,
    base: Vec<String>,
) -> Box<dyn Iterator<Item = Result<Found, SourceError>> + Send> {
    let lines: Box<dyn BufRead + Send> = if list == Path::new(STANDARD_INPUT) {
        Box::new(BufReader::new(io::stdin()))
    } else {
        match fs_err::File::open(list) {
            Ok(file) => Box::new(BufReader::new(file)),
            Err(error) => return Box::new(std::iter::once(Err(SourceError::List(error)))),
        }
    };
    let films = lines
        .lines()
        .filter(|line| !matches!(line, Ok(line) if line.is_empty()));
    Box::new(films.map(move |line| {
        let text = line.map_err(SourceError::List)?;
        let address = Address::parse(&text);
        Ok(Found::new(
            &address.map_err(|error| SourceError::Address { text, error })?,
            &base,
        ))
    }))
}

impl Found {
    /// Returns the film at an address, named relative to `base`.
    fn new(address: &Address, base: &[String]) -> Self {
        let is_unicode = match address {
            Address::Local(path) => path.to_str().is_some(),
            Address::Object { .. } => true,
        };
        Self {
            file: address.to_string(),
            name: is_unicode.then(|| relative_name(address, base)),
        }
    }
}

/// Returns the path of a film relative to `base`, or its absolute path if it lies elsewhere. It has no `..`.
fn relative_name(address: &Address, base: &[String]) -> String {
    let steps = address.steps();
    let below = match steps.strip_prefix(base) {
        Some(below) if !below.iter().any(|step| step == "..") => below.to_vec(),
        _ => address.absolute().steps(),
    };
    let parts = below
        .iter()
        .filter(|step| *step != "/")
        .map(|step| step.replace("s3://", "s3/"));
    parts.collect::<Vec<_>>().join("/")
}

/// Refuses inputs of which one lies inside another.
fn reject_overlaps(sources: &[Source]) -> Result<(), SourceError> {
    let mut sorted: Vec<_> = sources
        .iter()
        .map(|source| (source.root().absolute().steps(), source.root()))
        .collect();
    // After sorting, an input that lies inside another follows it directly, or follows others that lie inside it.
    sorted.sort_by(|one, other| one.0.cmp(&other.0));
    let twice = sorted
        .windows(2)
        .find(|pair| pair[1].0.starts_with(&pair[0].0));
    twice.map_or(Ok(()), |pair| {
        Err(SourceError::Twice(pair[1].1.to_string()))
    })
}

/// Returns the longest common prefix.
fn common_prefix(folders: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    let shared = |one: Vec<String>, other: Vec<String>| {
        one.into_iter()
            .zip(other)
            .take_while(|(left, right)| left == right)
            .map(|(left, _)| left)
            .collect()
    };
    folders.reduce(shared).unwrap_or_default()
}

#[cfg(test)]
mod tests;
