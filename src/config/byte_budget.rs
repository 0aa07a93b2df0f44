//! A limit on the bytes that may be in memory at a time.

use std::str::FromStr;

use lungfield_support::flags::positive;

/// A number of bytes that may be held at a time: from 1 byte up to, but not including, 4 GiB.
///
/// ```
/// use lungfield::config::ByteBudget;
///
/// let budget: ByteBudget = "512MiB".parse().unwrap();
/// assert_eq!(budget.bytes(), 512 << 20);
///
/// assert_eq!(ByteBudget::new(0), None);
/// assert!("4GiB".parse::<ByteBudget>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteBudget(u32);

impl ByteBudget {
    /// Creates a budget, or returns `None` where it is 0 or at least 4 GiB: a semaphore counts it in 32 bits.
    #[must_use]
    pub fn new(bytes: u64) -> Option<Self> {
        let bytes = u32::try_from(bytes).ok()?;
        (bytes > 0).then_some(Self(bytes))
    }

    /// Returns the budget in bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        u64::from(self.0)
    }
}

impl FromStr for ByteBudget {
    type Err = String;

    /// Parses a number of bytes with an optional unit, as in `512MiB`.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::new(positive(text)?).ok_or_else(|| "it must be less than 4 GiB".to_owned())
    }
}
