//! The segmenter that runs a network on libtorch.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use tch::NoGradGuard;

use crate::cores::Cores;
use crate::device::{Placement, set_threads};
use crate::failure::segment_error;
use crate::load::LoadError;
use crate::manifest::{Manifest, WEIGHTS};
use crate::mirror::MirrorWorker;
use crate::network::Plan;
use crate::weights;
use lungfield_engine::segmenter::{SegmentError, Segmenter};
use lungfield_radiograph::geometry::ModelInput;
use lungfield_radiograph::mask::ProbabilityMap;

/// A segmenter that runs a network on libtorch. It stays on the thread that made it, where it switches gradients off.
///
/// An engine builds one on each model thread, see [`load`](crate::load). A program that segments one film after the other
/// can use one without an engine.
///
/// # Examples
/// ```
/// use std::path::Path;
///
/// use lungfield_engine::segmenter::Segmenter;
/// use lungfield_model::device::Placement;
/// use lungfield_model::manifest::Manifest;
/// use lungfield_model::torch::TorchSegmenter;
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
///
/// let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/lungfield-segnet");
/// let manifest = Manifest::read(&directory)?;
/// let mut segmenter = TorchSegmenter::load(&directory, &manifest, Placement::cpu())?;
///
/// let size = Size::new(440, 512).expect("neither side is 0");
/// let phantom = Phantom::draw(&PhantomOptions { seed: 1, size, depth: Depth::Eight });
/// let prepared = manifest.preprocessor()?.prepare(&phantom.film);
/// let maps = segmenter.segment(&[&prepared.input])?;
/// assert_eq!(maps[0].side(), manifest.preprocessing.side);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[expect(
    missing_debug_implementations,
    reason = "the guard of the gradients has none"
)]
pub struct TorchSegmenter {
    plan: Plan,
    /// The CPU threads, where several segmenters share them.
    cores: Option<Cores>,
    /// The thread for mirror images, which several segmenters share.
    mirror: Option<Arc<MirrorWorker>>,
    _no_grad: NoGradGuard,
}

/// Loads the network of a model directory onto a device. `manifest` is that of the directory.
pub(crate) fn load_plan(
    directory: &Path,
    manifest: &Manifest,
    placement: Placement,
) -> Result<Plan, LoadError> {
    let _no_grad = tch::no_grad_guard();
    let network = manifest.network;
    let weights = weights::read(
        &directory.join(WEIGHTS),
        &manifest.model.weights_sha256,
        network,
    )?;
    let plan = network.plan(&weights, placement.device(), placement.precision().kind())?;
    Ok(plan.flip_averaging(manifest.flip_averaging))
}

impl TorchSegmenter {
    /// Creates a segmenter on this thread.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            cores: None,
            mirror: None,
            _no_grad: tch::no_grad_guard(),
        }
    }

    /// Loads the network of a model directory onto a device, without a warm-up. `manifest` is that of the directory.
    ///
    /// # Errors
    /// Returns an error where the weights are not those of the manifest, or the device can't hold them.
    pub fn load(
        directory: &Path,
        manifest: &Manifest,
        placement: Placement,
    ) -> Result<Self, LoadError> {
        load_plan(directory, manifest, placement).map(Self::new)
    }

    /// Makes every pass take its share of `cores`, and use the `mirror` worker where it is free.
    #[must_use]
    pub(crate) fn sharing(self, cores: Cores, mirror: Option<Arc<MirrorWorker>>) -> Self {
        Self {
            cores: Some(cores),
            mirror,
            ..self
        }
    }

    /// Runs a pass of every size and number of threads that will be served, and then the golden phantom.
    ///
    /// The first pass of a size is slow, because libtorch chooses and prepares its kernels. After the warm-up no caller
    /// waits for that.
    ///
    /// # Errors
    /// Returns an error where a pass fails, or where the mask of the golden phantom differs from that in the manifest.
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

    /// Runs a batch once for each number of threads, because kernels are prepared for each anew.
    fn warm_up_pass(&self, batch: &[&ModelInput]) -> Result<(), SegmentError> {
        let Some(cores) = &self.cores else {
            return self.pass(batch).map(drop);
        };
        cores.shares().into_iter().try_for_each(|threads| {
            set_threads(threads);
            self.pass(batch).map(drop)
        })
    }

    /// Segments a batch on `threads` threads, and the mirror image of a single film beside it where that is possible.
    fn pass_on(
        &self,
        batch: &[&ModelInput],
        threads: NonZeroUsize,
    ) -> Result<Vec<ProbabilityMap>, SegmentError> {
        match self.pass_beside_mirror(batch, threads) {
            Some(map) => map.map(|map| vec![map]),
            None => self.pass(batch),
        }
    }

    /// Returns the map of a single film that has two threads or more, where the mirror worker is free.
    fn pass_beside_mirror(
        &self,
        batch: &[&ModelInput],
        threads: NonZeroUsize,
    ) -> Option<Result<ProbabilityMap, SegmentError>> {
        let (&[film], Some(mirror)) = (batch, &self.mirror) else {
            return None;
        };
        let half = NonZeroUsize::new(threads.get() / 2)?;
        mirror.averaged(&self.plan, film, half)
    }

    fn pass(&self, batch: &[&ModelInput]) -> Result<Vec<ProbabilityMap>, SegmentError> {
        self.plan
            .segment(batch)
            .map_err(|error| segment_error(&error))
    }
}

impl Segmenter for TorchSegmenter {
    fn segment(&mut self, batch: &[&ModelInput]) -> Result<Vec<ProbabilityMap>, SegmentError> {
        match &self.cores {
            Some(cores) => cores.pass(|threads| self.pass_on(batch, threads)),
            None => self.pass(batch),
        }
    }
}
