//! The flags that name data sets.

use std::path::PathBuf;

use clap::Args;

use crate::dataset::{CaseList, DatasetFolder, DatasetLayout, ListOptions, Problems, list};

/// The data sets to use.
#[derive(Clone, Debug, Args)]
pub struct DataSettings {
    /// A data set; repeat for several.
    #[arg(long, value_name = "FOLDER", required = true)]
    pub data: Vec<PathBuf>,
    /// The layout of the data sets: one for all of them, or one for each in order. Recognised unless given.
    #[arg(long, value_enum)]
    pub layout: Vec<DatasetLayout>,
    /// Leave out films without a reference mask, rather than refuse the data.
    #[arg(long)]
    pub allow_missing_masks: bool,
    /// Use only the cases of this source; repeat for several. All sources unless given.
    #[arg(long, value_name = "NAME")]
    pub source: Vec<String>,
}

/// A problem with the data that a user named.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The number of layouts is neither 1 nor the number of data sets.
    #[error("{layouts} times --layout for {folders} data sets: give one, or one for each")]
    Layouts {
        /// The number of layouts that were given.
        layouts: usize,
        /// The number of data sets that were given.
        folders: usize,
    },
    /// The data sets have problems.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// No case is of a source that the user named.
    #[error("no case is of the source {wanted}; there are {found}")]
    NoSource {
        /// The source that the user named.
        wanted: String,
        /// The sources of the data sets.
        found: String,
    },
}

impl DataSettings {
    /// Lists the cases of the named data sets and sources. Films and masks are not opened.
    pub fn cases(&self) -> Result<CaseList, DataError> {
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
            listed.keep_sources(&self.source);
        }
        Ok(listed)
    }

    fn folders(&self) -> Result<Vec<DatasetFolder>, DataError> {
        let (layouts, folders) = (self.layout.len(), self.data.len());
        if layouts > 1 && layouts != folders {
            return Err(DataError::Layouts { layouts, folders });
        }
        let layout = |place: usize| {
            self.layout
                .get(if layouts == 1 { 0 } else { place })
                .copied()
        };
        let folder = |(place, folder): (usize, &PathBuf)| DatasetFolder {
            folder: folder.clone(),
            layout: layout(place),
        };
        Ok(self.data.iter().enumerate().map(folder).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(layout: &[DatasetLayout]) -> DataSettings {
        DataSettings {
            data: vec!["a".into(), "b".into()],
            layout: layout.to_vec(),
            allow_missing_masks: false,
            source: Vec::new(),
        }
    }

    #[test]
    fn one_layout_is_for_all_and_several_are_one_each() {
        let layouts = |given: &[DatasetLayout]| -> Vec<_> {
            settings(given)
                .folders()
                .unwrap()
                .into_iter()
                .map(|folder| folder.layout)
                .collect()
        };
        assert_eq!(layouts(&[]), [None, None]);
        assert_eq!(
            layouts(&[DatasetLayout::Jsrt]),
            [Some(DatasetLayout::Jsrt); 2]
        );
        assert_eq!(
            layouts(&[DatasetLayout::Jsrt, DatasetLayout::Cases]),
            [Some(DatasetLayout::Jsrt), Some(DatasetLayout::Cases)]
        );
        assert!(settings(&[DatasetLayout::Jsrt; 3]).folders().is_err());
    }
}
