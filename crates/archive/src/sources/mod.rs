//! Finds the films of a run: below a folder or a prefix of a bucket, by a pattern, or in a list.
//!
//! It also refuses inputs that name a film twice, and outputs whose masks a later run would take for films.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use walkdir::{DirEntry, WalkDir};

use super::address::{Address, AddressError};
use super::files::{FileError, Files};
use lungfield_support::sha256;

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
    #[error(
        "the output {out} lies inside the input {input}; its masks would be taken for films"
    )]
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

/// An input of a run.
#[derive(Clone, Debug)]
enum Source {
    /// A folder or prefix, with everything below it.
    Tree(Address),
    /// A single film.
    One(Address),
    /// The films below a folder or prefix whose relative path matches.
    Pattern(Address, GlobMatcher),
}

/// The inputs of a run: folders, files and patterns, and a list.
///
/// # Examples
/// ```
/// use futures_util::TryStreamExt;
/// use lungfield_archive::{address::Address, files::Files, sources::Sources};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
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
        let listed =
            stream::iter(list).flat_map(move |list| stream::iter(films_of_list(&list, base.clone())));
        found.chain(listed).boxed()
    }
}

impl Source {
    /// Resolves an input: a pattern, if there is no file of its name, or else a film or a folder.
    async fn resolve(text: &str, files: &Files) -> Result<Self, SourceError> {
        let refused = |error| SourceError::Address {
            text: text.to_owned(),
            error,
        };
        if let Some((root, pattern)) = split_pattern(text).filter(|_| !Path::new(text).exists()) {
            let root = if root.is_empty() { "." } else { root };
            let glob = GlobBuilder::new(pattern).literal_separator(true).build()?;
            return Ok(Self::Pattern(
                Address::parse(root).map_err(refused)?,
                glob.compile_matcher(),
            ));
        }
        let address = Address::parse(text).map_err(refused)?;
        let is_file = match &address {
            Address::Local(path) => {
                let metadata =
                    fs_err::metadata(path).map_err(|_| SourceError::Missing(text.to_owned()))?;
                !metadata.is_dir()
            }
            Address::Object { .. } => {
                let asked = files.is_object(&address).await;
                asked.map_err(|error| SourceError::Listing {
                    place: text.to_owned(),
                    error,
                })?
            }
        };
        Ok(if is_file {
            Self::One(address)
        } else {
            Self::Tree(address)
        })
    }

    /// Returns the address of the film or folder.
    fn root(&self) -> &Address {
        let (Self::Tree(address) | Self::One(address) | Self::Pattern(address, _)) = self;
        address
    }

    /// Returns the components of its folder.
    fn folder(&self) -> Vec<String> {
        let mut steps = self.root().steps();
        if matches!(self, Self::One(_)) {
            steps.pop();
        }
        steps
    }

    /// Refuses an output whose masks the input would find, or whose folders of masks and state contain the input.
    fn reject_output(&self, out: &Address) -> Result<(), SourceError> {
        let (inner, outer) = (out.real().steps(), self.root().real().steps());
        let written =
            ["masks", "state"].map(|name| [inner.as_slice(), &[name.to_owned()]].concat());
        let inside_output = written.iter().any(|folder| outer.starts_with(folder));
        let finds = inner
            .strip_prefix(outer.as_slice())
            .is_some_and(|below| match self {
                Self::Tree(_) => true,
                Self::One(_) => false,
                // A mask lies at least two levels below the output. Without `**`, a pattern matches as many levels as it has.
                Self::Pattern(_, glob) => {
                    let pattern = glob.glob().glob();
                    pattern.contains("**") || pattern.matches('/').count() + 1 >= below.len() + 2
                }
            });
        if finds || inside_output {
            return Err(SourceError::OutputInside {
                out: out.to_string(),
                input: self.root().to_string(),
            });
        }
        Ok(())
    }

    /// Streams the films of the input.
    fn find<'a>(
        self,
        base: &[String],
        files: &'a Files,
    ) -> BoxStream<'a, Result<Found, SourceError>> {
        let base = base.to_vec();
        match (&self, self.root()) {
            (Self::One(address), _) => stream::iter([Ok(Found::new(address, &base))]).boxed(),
            (_, Address::Local(root)) => {
                let walk = WalkDir::new(root)
                    .min_depth(1)
                    .follow_links(true)
                    .into_iter();
                let hidden = matches!(self, Self::Tree(_));
                let entries = walk.filter_entry(move |entry| !(hidden && is_hidden(entry)));
                let root = root.clone();
                stream::iter(entries.filter_map(move |entry| self.film_of_entry(entry, &root, &base)))
                    .boxed()
            }
            (_, root @ Address::Object { bucket, key }) => {
                let place = root.to_string();
                let failed = move |error| SourceError::Listing {
                    place: place.clone(),
                    error,
                };
                let objects = match files.objects(bucket, key) {
                    Ok(objects) => objects,
                    Err(error) => return stream::iter([Err(failed(error))]).boxed(),
                };
                let (bucket, prefix) = (bucket.clone(), root.steps());
                let objects = objects.map_err(failed).try_filter_map(move |meta| {
                    let address = Address::Object {
                        bucket: bucket.clone(),
                        key: meta.location,
                    };
                    let is_film = self.is_film_object(&address, &prefix, meta.size);
                    std::future::ready(Ok(is_film.then(|| Found::new(&address, &base))))
                });
                objects.boxed()
            }
        }
    }

    /// Returns the film of an entry of a folder; `None` if the entry is not a film of this input.
    fn film_of_entry(
        &self,
        entry: walkdir::Result<DirEntry>,
        root: &Path,
        base: &[String],
    ) -> Option<Result<Found, SourceError>> {
        let entry = match entry {
            Ok(entry) => entry,
            // A broken link or a loop counts as a film, whose row then says that it can't be read.
            Err(error) if error.depth() > 0 && is_broken_link(&error) => {
                let path = error.path().unwrap_or(root).to_owned();
                return Some(Ok(Found::new(&Address::Local(path), base)));
            }
            Err(error) => {
                let place = error.path().unwrap_or(root).display().to_string();
                return Some(Err(SourceError::Listing {
                    place,
                    error: io::Error::from(error).into(),
                }));
            }
        };
        let matches = match self {
            Self::Pattern(_, glob) => {
                glob.is_match(entry.path().strip_prefix(root).unwrap_or(root))
            }
            Self::Tree(_) | Self::One(_) => true,
        };
        let path = entry.path().strip_prefix("./").unwrap_or(entry.path());
        (matches && entry.file_type().is_file())
            .then(|| Ok(Found::new(&Address::Local(path.to_owned()), base)))
    }

    /// Returns whether an object below the root is a film. An empty object without an extension stands for a folder.
    fn is_film_object(&self, address: &Address, root: &[String], size_bytes: u64) -> bool {
        let steps = address.steps();
        let below = steps.strip_prefix(root).unwrap_or(&steps);
        let is_marker = size_bytes == 0 && below.last().is_none_or(|name| !name.contains('.'));
        !is_marker
            && match self {
                Self::Pattern(_, glob) => glob.is_match(below.join("/")),
                Self::Tree(_) | Self::One(_) => !below.iter().any(|step| step.starts_with('.')),
            }
    }
}

/// Returns whether an error is that of a link without a target, or of a loop.
fn is_broken_link(error: &walkdir::Error) -> bool {
    let missing = error
        .io_error()
        .is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
    missing || error.loop_ancestor().is_some()
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with('.')
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

/// Splits a pattern into its fixed folder and the rest; `None` if the text has no special character.
fn split_pattern(text: &str) -> Option<(&str, &str)> {
    let first = text.find(['*', '?', '[', '{'])?;
    let cut = text[..first].rfind('/').map_or(0, |slash| slash + 1);
    let root = &text[..cut];
    // The slash of the root stays; other folders lose their last slash.
    let root = if root == "/" {
        root
    } else {
        root.strip_suffix('/').unwrap_or(root)
    };
    Some((root, &text[cut..]))
}

#[cfg(test)]
mod tests;
