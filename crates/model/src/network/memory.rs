//! Orders tensors channels-last in memory.

use tch::{TchError, Tensor};

use super::shape_text;

/// Returns the same `[n, channels, rows, columns]` tensor with the channels of a pixel next to each other in memory.
///
/// tch has no memory formats. A channels-last tensor is a contiguous `[n, rows, columns, channels]` that is viewed as
/// `[n, channels, rows, columns]`.
pub(super) fn channels_last(tensor: &Tensor) -> Result<Tensor, TchError> {
    tensor
        .f_permute([0, 2, 3, 1])?
        .f_contiguous()?
        .f_permute([0, 3, 1, 2])
}

/// Returns planes `[n, 1, rows, columns]` with strides that libtorch reads as channels-last.
///
/// With one channel both orders are the same in memory and differ in their strides only. With the other strides the first
/// convolution would return channels-first planes, and the second would have to reorder them.
pub(super) fn planes_channels_last(planes: &Tensor) -> Result<Tensor, TchError> {
    let size = planes.size();
    let &[n, 1, rows, columns] = size.as_slice() else {
        return Err(TchError::Shape(format!(
            "planes have shape {}, not [n, 1, rows, columns]",
            shape_text(&size)
        )));
    };
    planes
        .f_contiguous()?
        .f_view([n, rows, columns, 1])?
        .f_permute([0, 3, 1, 2])
}
