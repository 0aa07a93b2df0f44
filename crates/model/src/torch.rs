//! Decides how a model directory becomes a segmenter: checked, placed on its device, warmed up and tried.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use tch::{NoGradGuard, TchError};

use super::cores::Cores;
use super::device::{Placement, set_threads};
use super::golden::GoldenError;
use super::manifest::{Manifest, ManifestError, Network, WEIGHTS};
use super::twin::Twin;
use super::weights::{self, WeightsError};
use crate::network::plan::Plan;
use lungfield_engine::segmenter::{SegmentError, Segmenter};
use lungfield_radiograph::geometry::ModelInput;
use lungfield_radiograph::mask::ProbabilityMap;

/// Why a model can't be served.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The manifest is missing or wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The weights are missing or are not those of the manifest.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// libtorch can't hold the network on the device.
    #[error("the network can't be placed on the device: {0}")]
    Place(#[from] TchError),
    /// A batch of a size that will be served can't be run.
    #[error("a batch of {batch_size} can't be run: {cause}")]
    WarmUp {
        /// The size of the batch.
        batch_size: usize,
        /// What went wrong.
        cause: SegmentError,
    },
    /// The model does not compute what it computed in training.
    #[error(transparent)]
    Golden(#[from] GoldenError),
}

/// The folded network on its device. It stays on the thread that made it, where it switches gradients off.
#[expect(
    missing_debug_implementations,
    reason = "the guard of the gradients has none"
)]
pub struct TorchSegmenter {
    plan: Plan,
    /// The CPU's threads, where several segmenters share them.
    cores: Option<Cores>,
    /// Who segments the mirror image of a film that has the CPU to itself.
    twin: Option<Arc<Twin>>,
    _no_grad: NoGradGuard,
}

/// Loads the network of a model directory, whose `manifest` was read before, onto a device. Segmenters on several threads
/// share its weights.
pub fn load(
    directory: &Path,
    manifest: &Manifest,
    placement: Placement,
) -> Result<Plan, LoadError> {
    let _no_grad = tch::no_grad_guard();
    let Network::SegNet { width } = manifest.network;
    let weights = weights::read(
        &directory.join(WEIGHTS),
        &manifest.model.weights_sha256,
        width,
    )?;
    let plan = Plan::fold(
        &weights,
        width,
        placement.device(),
        placement.precision().kind(),
    )?;
    Ok(plan.flip_averaging(manifest.flip_averaging))
}

impl TorchSegmenter {
    /// A segmenter on this thread.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            cores: None,
            twin: None,
            _no_grad: tch::no_grad_guard(),
        }
    }

    /// Has every pass take its part of `cores`, and of the `twin`, which other segmenters share.
    #[must_use]
    pub fn sharing(self, cores: Cores, twin: Option<Arc<Twin>>) -> Self {
        Self {
            cores: Some(cores),
            twin,
            ..self
        }
    }

    /// Runs a pass of every size and number of threads that will be served, then the golden phantom, which must come out
    /// as in training.
    ///
    /// The first pass of a size is slow, since libtorch chooses and prepares its kernels; no caller should wait for it.
    pub fn warm_up(
        &mut self,
        manifest: &Manifest,
        max_batch_size: NonZeroUsize,
    ) -> Result<(), LoadError> {
        let side = manifest.preprocessing.side;
        let blank =
            ModelInput::new(side, vec![0.0; (side as usize).pow(2)]).expect("the plane is square");
        for batch_size in 1..=self.plan.films_in_pass(max_batch_size.get()) {
            let batch = vec![&blank; batch_size];
            self.warm_up_pass(&batch)
                .map_err(|cause| LoadError::WarmUp { batch_size, cause })?;
        }
        let preprocessor = manifest.preprocessor()?;
        manifest
            .golden
            .check(self, &preprocessor, manifest.threshold)?;
        Ok(())
    }

    /// Kernels are prepared for each number of threads anew.
    fn warm_up_pass(&self, batch: &[&ModelInput]) -> Result<(), SegmentError> {
        let Some(cores) = &self.cores else {
            return self.pass(batch).map(drop);
        };
        cores.shares().into_iter().try_for_each(|threads| {
            set_threads(threads);
            self.pass(batch).map(drop)
        })
    }

    /// The map of a film that has two threads or more, where the twin has time for its mirror image.
    fn with_twin(
        &self,
        batch: &[&ModelInput],
        threads: NonZeroUsize,
    ) -> Option<Result<ProbabilityMap, SegmentError>> {
        let (&[film], Some(twin)) = (batch, &self.twin) else {
            return None;
        };
        let half = NonZeroUsize::new(threads.get() / 2)?;
        twin.averaged(&self.plan, film, half)
    }

    fn pass(&self, batch: &[&ModelInput]) -> Result<Vec<ProbabilityMap>, SegmentError> {
        self.plan
            .segment(batch)
            .map_err(|error| classify(error.to_string()))
    }
}

impl Segmenter for TorchSegmenter {
    fn segment(&mut self, batch: &[&ModelInput]) -> Result<Vec<ProbabilityMap>, SegmentError> {
        match &self.cores {
            Some(cores) => cores.pass(|threads| match self.with_twin(batch, threads) {
                Some(map) => map.map(|map| vec![map]),
                None => self.pass(batch),
            }),
            None => self.pass(batch),
        }
    }
}

/// What the engine should make of libtorch's message, which is all that libtorch gives.
pub(super) fn classify(message: String) -> SegmentError {
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
    fn messages_are_told_apart_by_what_happens_next() {
        let of = |message: &str| classify(message.to_owned());
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
