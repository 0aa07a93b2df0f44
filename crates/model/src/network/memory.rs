//! Decides how a tensor lies in memory.

use tch::{TchError, Tensor};

/// The same `[n, channels, rows, columns]` tensor, its channels next to each other in memory.
///
/// tch has no memory formats: channels-last is a contiguous `[n, rows, columns, channels]` seen as
/// `[n, channels, rows, columns]`.
pub(super) fn channels_last(tensor: &Tensor) -> Result<Tensor, TchError> {
    tensor
        .f_permute([0, 2, 3, 1])?
        .f_contiguous()?
        .f_permute([0, 3, 1, 2])
}

/// Planes `[n, 1, rows, columns]` that libtorch takes for channels-last.
///
/// With one channel both orders are the same in memory, and only the strides tell. The first convolution, whose kernel has
/// one channel too, would give channels-first planes, which the second would have to reorder.
pub(super) fn planes_channels_last(planes: &Tensor) -> Result<Tensor, TchError> {
    let size = planes.size();
    let &[n, 1, rows, columns] = size.as_slice() else {
        return Err(TchError::Shape(format!(
            "planes have shape {size:?}, not [n, 1, rows, columns]"
        )));
    };
    planes
        .f_contiguous()?
        .f_view([n, rows, columns, 1])?
        .f_permute([0, 3, 1, 2])
}
