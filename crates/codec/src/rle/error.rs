//! Defines the errors for run lengths that are not a mask.

/// The reason why run lengths are not a mask. The message repeats nothing of the input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RleError {
    /// The bytes are not JSON, or not JSON of this form.
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
    /// The height or the width is 0.
    #[error("the run-length encoding has a size without pixels: {height} rows, {width} columns")]
    NoPixels {
        /// The declared number of rows.
        height: u32,
        /// The declared number of columns.
        width: u32,
    },
    /// The declared size has too many pixels.
    #[error("the run-length encoding has {pixels} pixels; at most {max_pixels} are accepted")]
    TooManyPixels {
        /// The number of pixels of the declared size.
        pixels: u64,
        /// The limit.
        max_pixels: u64,
    },
    /// The compressed form contains a character that it does not use.
    #[error("byte {position} of the compressed counts is not a character from '0' to 'o'")]
    BadCharacter {
        /// The position of the byte, from 0.
        position: usize,
    },
    /// The compressed form ends within a number.
    #[error("the compressed counts end in the middle of a number")]
    Truncated,
    /// A count is negative, or too large for 32 bits.
    #[error("count {index} is not a whole number from 0 to 4294967295")]
    CountOutOfRange {
        /// The index of the count, from 0.
        index: usize,
    },
    /// There are more counts than pixels, so that some runs are empty without need.
    #[error("there are more counts than the {pixels} pixels of the size can be divided into")]
    TooManyCounts {
        /// The number of pixels of the declared size.
        pixels: u64,
    },
    /// The counts do not add up to the number of pixels.
    #[error("the counts do not add up to the {pixels} pixels of the size")]
    WrongSum {
        /// The number of pixels of the declared size.
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
