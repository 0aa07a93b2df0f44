//! Decides which films are meant: what is below a folder or a bucket's prefix, what a pattern matches, what a list names.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use walkdir::{DirEntry, WalkDir};

use super::address::{Address, AddressError};
use super::files::{FileError, Files};

/// The list that comes on standard input.
const STANDARD_INPUT: &str = "-";

/// A film that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its address, as a user would write it.
    pub file: String,
    /// What its outputs are called: its path below what all inputs have in common. There is none where the file's name is no Unicode.
    pub name: Option<String>,
}

/// Why no films can be listed.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is no address.
    #[error("{text:?} can't be used: {error}")]
    Address {
        /// What was written.
        text: String,
        /// What is the matter with it.
        error: AddressError,
    },
    /// It is no pattern.
    #[error("the pattern can't be used: {0}")]
    Pattern(#[from] globset::Error),
    /// There is nothing there.
    #[error("there is no file or folder {0:?}")]
    Missing(String),
    /// A film would be found twice.
    #[error("{0} is given twice, or lies inside of another input; give each film once")]
    Twice(String),
    /// Masks would be taken for films.
    #[error(
        "the output {out} lies inside of the input {input}; its masks would be taken for films"
    )]
    OutputInside {
        /// Where masks go.
        out: String,
        /// Where films are looked for.
        input: String,
    },
    /// The list can't be read.
    #[error("the list can't be read: {0}")]
    List(#[source] io::Error),
    /// A folder or bucket can't be listed.
    #[error("{place} can't be listed: {error}")]
    Listing {
        /// Which.
        place: String,
        /// Why.
        error: FileError,
    },
}

/// Where films are looked for.
#[derive(Clone, Debug)]
enum Source {
    Tree(Address),
    One(Address),
    Pattern(Address, GlobMatcher),
}

/// Everywhere that films are looked for.
#[derive(Clone, Debug)]
pub struct Sources {
    inputs: Vec<Source>,
    list: Option<PathBuf>,
    /// The steps that all have in common.
    base: Vec<String>,
}

impl Sources {
    /// Sees what inputs and a list (`-` is standard input) mean, and that no output goes where films are looked for.
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
        once(&sources)?;
        for source in &sources {
            source.keeps_off(out)?;
        }
        let base = if list.is_some() {
            Vec::new()
        } else {
            common(sources.iter().map(Source::folder))
        };
        Ok(Self {
            inputs: sources,
            list: list.map(Path::to_owned),
            base,
        })
    }

    /// The films, in no order that can be relied on. Nothing is read ahead.
    pub fn find(self, files: &Files) -> BoxStream<'_, Result<Found, SourceError>> {
        let Self { inputs, list, base } = self;
        let naming = base.clone();
        let found = stream::iter(inputs).flat_map(move |source| source.find(&naming, files));
        let listed =
            stream::iter(list).flat_map(move |list| stream::iter(listed(&list, base.clone())));
        found.chain(listed).boxed()
    }
}

impl Source {
    async fn resolve(text: &str, files: &Files) -> Result<Self, SourceError> {
        let refused = |error| SourceError::Address {
            text: text.to_owned(),
            error,
        };
        if let Some((root, pattern)) = pattern(text).filter(|_| !Path::new(text).exists()) {
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

    fn root(&self) -> &Address {
        let (Self::Tree(address) | Self::One(address) | Self::Pattern(address, _)) = self;
        address
    }

    /// The steps to the folder that its films are named from.
    fn folder(&self) -> Vec<String> {
        let mut steps = self.root().steps();
        if matches!(self, Self::One(_)) {
            steps.pop();
        }
        steps
    }

    /// Refuses an output whose masks it would find, or whose masks would be called as its films.
    fn keeps_off(&self, out: &Address) -> Result<(), SourceError> {
        let (inner, outer) = (out.real().steps(), self.root().real().steps());
        let own = ["masks", "state"].map(|name| [inner.as_slice(), &[name.to_owned()]].concat());
        let among_own = own.iter().any(|own| outer.starts_with(own));
        let finds = inner
            .strip_prefix(outer.as_slice())
            .is_some_and(|below| match self {
                Self::Tree(_) => true,
                Self::One(_) => false,
                // A mask lies two steps below the output; as many as a pattern has, it can go down.
                Self::Pattern(_, glob) => {
                    let pattern = glob.glob().glob();
                    pattern.contains("**") || pattern.matches('/').count() + 1 >= below.len() + 2
                }
            });
        if finds || among_own {
            return Err(SourceError::OutputInside {
                out: out.to_string(),
                input: self.root().to_string(),
            });
        }
        Ok(())
    }

    fn find<'a>(
        self,
        base: &[String],
        files: &'a Files,
    ) -> BoxStream<'a, Result<Found, SourceError>> {
        let base = base.to_vec();
        match (&self, self.root()) {
            (Self::One(address), _) => stream::iter([Ok(found(address, &base))]).boxed(),
            (_, Address::Local(root)) => {
                let walk = WalkDir::new(root)
                    .min_depth(1)
                    .follow_links(true)
                    .into_iter();
                let hidden = matches!(self, Self::Tree(_));
                let entries = walk.filter_entry(move |entry| !(hidden && is_hidden(entry)));
                let root = root.clone();
                stream::iter(entries.filter_map(move |entry| self.walked(entry, &root, &base)))
                    .boxed()
            }
            (_, root @ Address::Object { bucket, .. }) => {
                let place = root.to_string();
                let failed = move |error| SourceError::Listing {
                    place: place.clone(),
                    error,
                };
                let objects = match files.objects(root) {
                    Ok(objects) => objects,
                    Err(error) => return stream::iter([Err(failed(error))]).boxed(),
                };
                let (bucket, prefix) = (bucket.clone(), root.steps());
                let objects = objects.map_err(failed).try_filter_map(move |meta| {
                    let address = Address::Object {
                        bucket: bucket.clone(),
                        key: meta.location,
                    };
                    let meant = self.means_object(&address, &prefix, meta.size);
                    std::future::ready(Ok(meant.then(|| found(&address, &base))))
                });
                objects.boxed()
            }
        }
    }

    /// A film of a folder, or nothing where the entry is none.
    fn walked(
        &self,
        entry: walkdir::Result<DirEntry>,
        root: &Path,
        base: &[String],
    ) -> Option<Result<Found, SourceError>> {
        let entry = match entry {
            Ok(entry) => entry,
            // A link that leads nowhere, or back: whoever opens it will say so.
            Err(error) if error.depth() > 0 && leads_nowhere(&error) => {
                let path = error.path().unwrap_or(root).to_owned();
                return Some(Ok(found(&Address::Local(path), base)));
            }
            Err(error) => {
                let place = error.path().unwrap_or(root).display().to_string();
                return Some(Err(SourceError::Listing {
                    place,
                    error: io::Error::from(error).into(),
                }));
            }
        };
        let meant = match self {
            Self::Pattern(_, glob) => {
                glob.is_match(entry.path().strip_prefix(root).unwrap_or(root))
            }
            Self::Tree(_) | Self::One(_) => true,
        };
        let path = entry.path().strip_prefix("./").unwrap_or(entry.path());
        (meant && entry.file_type().is_file())
            .then(|| Ok(found(&Address::Local(path.to_owned()), base)))
    }

    /// Whether an object below the root is a film. What is empty and has no extension marks a folder.
    fn means_object(&self, address: &Address, root: &[String], size_bytes: u64) -> bool {
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

fn leads_nowhere(error: &walkdir::Error) -> bool {
    let missing = error
        .io_error()
        .is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
    missing || error.loop_ancestor().is_some()
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with('.')
}

/// The films of a list: an address a line.
fn listed(
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
        Ok(found(
            &address.map_err(|error| SourceError::Address { text, error })?,
            &base,
        ))
    }))
}

fn found(address: &Address, base: &[String]) -> Found {
    let nameable = match address {
        Address::Local(path) => path.to_str().is_some(),
        Address::Object { .. } => true,
    };
    Found {
        file: address.to_string(),
        name: nameable.then(|| name(address, base)),
    }
}

/// A film's path below the base, or its whole path where it is not there; either goes down only.
fn name(address: &Address, base: &[String]) -> String {
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

/// Refuses inputs of which one lies in another.
fn once(sources: &[Source]) -> Result<(), SourceError> {
    let mut sorted: Vec<_> = sources
        .iter()
        .map(|source| (source.root().absolute().steps(), source.root()))
        .collect();
    // Whatever lies in another stands right behind it, or behind another that does.
    sorted.sort_by(|one, other| one.0.cmp(&other.0));
    let twice = sorted
        .windows(2)
        .find(|pair| pair[1].0.starts_with(&pair[0].0));
    twice.map_or(Ok(()), |pair| {
        Err(SourceError::Twice(pair[1].1.to_string()))
    })
}

/// The longest beginning that all have in common.
fn common(folders: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    let shared = |one: Vec<String>, other: Vec<String>| {
        one.into_iter()
            .zip(other)
            .take_while(|(left, right)| left == right)
            .map(|(left, _)| left)
            .collect()
    };
    folders.reduce(shared).unwrap_or_default()
}

/// Parts a pattern into the folder that it looks in and the rest; `None` where it is none.
fn pattern(text: &str) -> Option<(&str, &str)> {
    let first = text.find(['*', '?', '[', '{'])?;
    let cut = text[..first].rfind('/').map_or(0, |slash| slash + 1);
    let root = &text[..cut];
    // `/` is a folder, `s3://` is none.
    let root = if root == "/" {
        root
    } else {
        root.strip_suffix('/').unwrap_or(root)
    };
    Some((root, &text[cut..]))
}

#[cfg(test)]
mod tests;
