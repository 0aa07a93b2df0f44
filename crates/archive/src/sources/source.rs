//! Finds the films of one input.

use std::io;
use std::path::Path;

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use globset::{GlobBuilder, GlobMatcher};
use walkdir::{DirEntry, WalkDir};

use super::{Found, SourceError};
use crate::address::Address;
use crate::files::Files;

/// An input of a run.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A folder or prefix, with everything below it.
    Tree(Address),
    /// A single film.
    One(Address),
    /// The films below a folder or prefix whose relative path matches.
    Pattern(Address, GlobMatcher),
}

impl Source {
    /// Resolves an input: a pattern, if there is no file of its name, or else a film or a folder.
    pub(super) async fn resolve(text: &str, files: &Files) -> Result<Self, SourceError> {
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
    pub(super) fn root(&self) -> &Address {
        let (Self::Tree(address) | Self::One(address) | Self::Pattern(address, _)) = self;
        address
    }

    /// Returns the components of its folder.
    pub(super) fn folder(&self) -> Vec<String> {
        let mut steps = self.root().steps();
        if matches!(self, Self::One(_)) {
            steps.pop();
        }
        steps
    }

    /// Refuses an output whose masks the input would find, or whose folders of masks and state contain the input.
    pub(super) fn reject_output(&self, out: &Address) -> Result<(), SourceError> {
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
    pub(super) fn find<'a>(
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
                stream::iter(
                    entries.filter_map(move |entry| self.film_of_entry(entry, &root, &base)),
                )
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
    pub(super) fn is_film_object(
        &self,
        address: &Address,
        root: &[String],
        size_bytes: u64,
    ) -> bool {
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

/// Splits a pattern into its fixed folder and the rest; `None` if the text has no special character.
pub(super) fn split_pattern(text: &str) -> Option<(&str, &str)> {
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
