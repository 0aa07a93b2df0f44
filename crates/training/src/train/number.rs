//! Checks of the numbers of a recipe.

/// A number of a recipe that is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct InvalidNumber {
    /// The field of the recipe.
    pub field: &'static str,
    /// What is wrong with its value, as in "is not from 0 to 1".
    pub reason: &'static str,
}

/// Returns an error with `reason` unless the value is valid.
pub(super) fn require(
    valid: bool,
    field: &'static str,
    reason: &'static str,
) -> Result<(), InvalidNumber> {
    if valid {
        Ok(())
    } else {
        Err(InvalidNumber { field, reason })
    }
}

/// Checks that a count is above 0.
pub(super) fn count(field: &'static str, value: usize) -> Result<(), InvalidNumber> {
    require(value > 0, field, "is 0")
}

/// Checks that a number is finite and above 0.
pub(super) fn positive(field: &'static str, value: f64) -> Result<(), InvalidNumber> {
    let valid = value.is_finite() && value > 0.0;
    require(valid, field, "is not a number above 0")
}

/// Checks that a number is finite and at least 0.
pub(super) fn at_least_0(field: &'static str, value: f64) -> Result<(), InvalidNumber> {
    let valid = value.is_finite() && value >= 0.0;
    require(valid, field, "is not a number from 0 on")
}

/// Checks that a number is from 0 to below 1.
pub(super) fn below_1(field: &'static str, value: f64) -> Result<(), InvalidNumber> {
    let valid = (0.0..1.0).contains(&value);
    require(valid, field, "is not from 0 to below 1")
}

/// Checks that a number is from 0 to 1.
pub(super) fn share(field: &'static str, value: f64) -> Result<(), InvalidNumber> {
    let valid = (0.0..=1.0).contains(&value);
    require(valid, field, "is not from 0 to 1")
}
