//! The layouts of data sets on disk.

use std::fmt;

/// The list of cases in a folder of the layout [`DatasetLayout::Cases`].
pub(super) const CASES: &str = "cases.csv";
/// The folder of the films in the Montgomery and Shenzhen sets.
pub(super) const FILMS: &str = "CXR_png";
/// The folders of the masks in the Montgomery set: the left lung, then the right lung.
pub(super) const LUNG_MASKS: [&str; 2] = ["ManualMask/leftMask", "ManualMask/rightMask"];
/// The folder of the masks in the Shenzhen set.
pub(super) const MASKS: &str = "mask";
/// The folders of the masks in a fold of the JSRT set: the left lung, then the right lung.
pub(super) const SCR_MASKS: [&str; 2] = ["masks/left lung", "masks/right lung"];

/// How the files of a data set are arranged in its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatasetLayout {
    /// A list `cases.csv` with the columns `case`, `source`, `image` and `reference`, and optionally `patient`, `split`,
    /// `finding` and `doubtful_reference`. Paths are relative to the folder.
    Cases,
    /// The folders `images/` and `masks/`. A mask has the name of its film, with `_mask` or `-mask` added or nothing;
    /// extensions may differ.
    Folders,
    /// The Montgomery set: `CXR_png/`, `ManualMask/leftMask/` and `ManualMask/rightMask/`.
    Montgomery,
    /// The Shenzhen set: `CXR_png/` and `mask/`. A mask has the name of its film with `_mask` added.
    Shenzhen,
    /// The JSRT set with its SCR masks: `*.IMG` and `fold*/masks/`, at most three folders down.
    Jsrt,
}

impl DatasetLayout {
    /// Every layout.
    pub const ALL: [Self; 5] = [
        Self::Cases,
        Self::Folders,
        Self::Montgomery,
        Self::Shenzhen,
        Self::Jsrt,
    ];

    /// Returns the name of the layout. The name of a published set is also the source of its cases.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cases => "cases",
            Self::Folders => "folders",
            Self::Montgomery => "montgomery",
            Self::Shenzhen => "shenzhen",
            Self::Jsrt => "jsrt",
        }
    }

    /// Returns the files and folders by which the layout is recognised.
    #[must_use]
    pub fn signs(self) -> &'static str {
        match self {
            Self::Cases => "cases.csv",
            Self::Folders => "images/ and masks/",
            Self::Montgomery => "CXR_png/, ManualMask/leftMask/ and ManualMask/rightMask/",
            Self::Shenzhen => "CXR_png/ and mask/",
            Self::Jsrt => {
                "*.IMG, fold*/masks/left lung/ and fold*/masks/right lung/ up to three folders down"
            }
        }
    }
}

impl fmt::Display for DatasetLayout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
