//! Decides how a tensor lies in memory.

use tch::{TchError, Tensor};

/// The same `[n, channels, rows, columns]` tensor, its channels next to each other in memory.
///
/// tch has no memory formats: channels-last is a contiguous `[n, rows, columns, channels]` seen as
/// `[n, channels, rows, columns]`.
pub(super) fn channels_last(tensor: &Tensor) -> Result<Tensor, TchError> {
    tensor.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])
}
