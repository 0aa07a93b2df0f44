//! Decides how a user names data sets.

use std::path::PathBuf;

use clap::Args;

use crate::train::dataset::{DataFolder, Layout, ListOptions, Listed, Problems, list};

/// Which films there are.
#[derive(Clone, Debug, Args)]
pub struct DataSettings {
    /// A data set; repeat for several.
    #[arg(long, value_name = "FOLDER", required = true)]
    pub data: Vec<PathBuf>,
    /// How the data sets lie in their folders: one for all of them, or one for each in order. Recognised unless given.
    #[arg(long, value_enum)]
    pub layout: Vec<Layout>,
    /// Leave films without a reference mask out, rather than refuse the data.
    #[arg(long)]
    pub allow_missing_masks: bool,
    /// Take the cases of this source only; repeat for several. All unless given.
    #[arg(long, value_name = "NAME")]
    pub source: Vec<String>,
}

/// What is wrong with the data that a user named.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Neither one layout nor one for each data set.
    #[error("{layouts} times --layout for {folders} data sets: give one, or one for each")]
    Layouts {
        /// How many layouts were given.
        layouts: usize,
        /// How many data sets were given.
        folders: usize,
    },
    /// The data themselves.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// No case is of a source that was asked for.
    #[error("no case is of the source {wanted}; there are {found}")]
    NoSource {
        /// What was asked for.
        wanted: String,
        /// The sources that there are.
        found: String,
    },
}

impl DataSettings {
    /// The cases that were asked for; nothing but lists and names has been read.
    pub fn cases(&self) -> Result<Listed, DataError> {
        let options = ListOptions {
            allow_missing_masks: self.allow_missing_masks,
        };
        let mut listed = list(&self.folders()?, options)?;
        let cases = &listed.cases;
        if let Some(wanted) = self
            .source
            .iter()
            .find(|name| cases.iter().all(|case| case.source != **name))
        {
            let mut found: Vec<_> = cases.iter().map(|case| case.source.as_str()).collect();
            found.sort_unstable();
            found.dedup();
            return Err(DataError::NoSource {
                wanted: wanted.clone(),
                found: found.join(", "),
            });
        }
        if !self.source.is_empty() {
            listed.keep(&self.source);
        }
        Ok(listed)
    }

    fn folders(&self) -> Result<Vec<DataFolder>, DataError> {
        let (layouts, folders) = (self.layout.len(), self.data.len());
        if layouts > 1 && layouts != folders {
            return Err(DataError::Layouts { layouts, folders });
        }
        let layout = |place: usize| {
            self.layout
                .get(if layouts == 1 { 0 } else { place })
                .copied()
        };
        let folder = |(place, folder): (usize, &PathBuf)| DataFolder {
            folder: folder.clone(),
            layout: layout(place),
        };
        Ok(self.data.iter().enumerate().map(folder).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(layout: &[Layout]) -> DataSettings {
        DataSettings {
            data: vec!["a".into(), "b".into()],
            layout: layout.to_vec(),
            allow_missing_masks: false,
            source: Vec::new(),
        }
    }

    #[test]
    fn one_layout_is_for_all_and_several_are_one_each() {
        let layouts = |given: &[Layout]| -> Vec<_> {
            settings(given)
                .folders()
                .unwrap()
                .into_iter()
                .map(|folder| folder.layout)
                .collect()
        };
        assert_eq!(layouts(&[]), [None, None]);
        assert_eq!(layouts(&[Layout::Jsrt]), [Some(Layout::Jsrt); 2]);
        assert_eq!(
            layouts(&[Layout::Jsrt, Layout::Cases]),
            [Some(Layout::Jsrt), Some(Layout::Cases)]
        );
        assert!(settings(&[Layout::Jsrt; 3]).folders().is_err());
    }
}
