//! Turns the errors of libtorch into what the engine does next.

use lungfield_engine::segmenter::SegmentError;
use tch::TchError;

/// Returns the error of a batch whose forward pass failed in libtorch.
pub(crate) fn segment_error(error: &TchError) -> SegmentError {
    from_message(error.to_string())
}

/// Sorts an error by its message, because libtorch gives nothing else.
fn from_message(message: String) -> SegmentError {
    let says = |parts: &[&str]| parts.iter().any(|part| message.contains(part));
    if says(&[
        "out of memory",
        "can't allocate memory",
        "CUDNN_STATUS_ALLOC_FAILED",
        "CUBLAS_STATUS_ALLOC_FAILED",
    ]) {
        SegmentError::OutOfMemory
    } else if says(&[
        "CUDA error",
        "CUDNN_STATUS",
        "CUBLAS_STATUS",
        "device-side assert",
    ]) {
        SegmentError::Fatal(message)
    } else {
        SegmentError::Failed(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_sorted_by_what_the_engine_does_next() {
        let of = |message: &str| from_message(message.to_owned());
        assert!(matches!(
            of("CUDA out of memory. Tried to allocate 2 GiB"),
            SegmentError::OutOfMemory
        ));
        assert!(matches!(
            of(
                "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried …"
            ),
            SegmentError::OutOfMemory
        ));
        assert!(matches!(
            of("CUDA error: device-side assert triggered"),
            SegmentError::Fatal(_)
        ));
        assert!(matches!(
            of("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
            SegmentError::Fatal(_)
        ));
        assert!(matches!(of("Expected 4D input"), SegmentError::Failed(_)));
    }
}
