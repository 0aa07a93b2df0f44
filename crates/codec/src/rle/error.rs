//! Decides what a client is told of run lengths that are not a mask.

/// Why run lengths are not a mask. Nothing of what was sent is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RleError {
    /// The bytes are not JSON, or not of this form.
    #[error(
        "the run-length encoding is not JSON of the form {{\"size\": [height, width], \"counts\": …}}, where counts \
         are a string or a list and every number is whole, from 0 to 4294967295: see line {line}, column {column}"
    )]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A side of the mask is 0.
    #[error("the run-length encoding has a size without pixels: {height} rows, {width} columns")]
    NoPixels {
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
    },
    /// The mask has more pixels than are accepted.
    #[error("the run-length encoding has {pixels} pixels; at most {max_pixels} are accepted")]
    TooManyPixels {
        /// Pixels of the declared size.
        pixels: u64,
        /// The limit.
        max_pixels: u64,
    },
    /// A character that the compressed form does not use.
    #[error("byte {position} of the compressed counts is not a character from '0' to 'o'")]
    BadCharacter {
        /// The byte, from 0.
        position: usize,
    },
    /// The compressed form ends within a number.
    #[error("the compressed counts end in the middle of a number")]
    Truncated,
    /// A run that is negative, or too long for 32 bits.
    #[error("count {index} is not a whole number from 0 to 4294967295")]
    CountOutOfRange {
        /// Which run, from 0.
        index: usize,
    },
    /// More runs than there are pixels, so that some are empty for no reason.
    #[error("there are more counts than the {pixels} pixels of the size can be divided into")]
    TooManyCounts {
        /// Pixels of the declared size.
        pixels: u64,
    },
    /// The runs are shorter or longer than the mask.
    #[error("the counts do not add up to the {pixels} pixels of the size")]
    WrongSum {
        /// Pixels of the declared size.
        pixels: u64,
    },
}

impl From<serde_json::Error> for RleError {
    fn from(error: serde_json::Error) -> Self {
        Self::Malformed {
            line: error.line(),
            column: error.column(),
        }
    }
}
