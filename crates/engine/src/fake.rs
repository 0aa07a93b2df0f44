//! A segmenter without a network, for tests: it echoes its input, waits at a gate, or fails in a chosen way.
//!
//! Needs the feature `fake`.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::segmenter::{SegmentError, Segmenter};
use lungfield_radiograph::geometry::ModelInput;
use lungfield_radiograph::mask::ProbabilityMap;

/// The behaviour of a [`FakeSegmenter`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Behaviour {
    /// Returns each plane as its map, with values clamped to 0 and 1.
    Echo,
    /// Is out of memory for batches of more planes than this, and echoes smaller ones.
    OutOfMemoryAbove(usize),
    /// Fails this many forward passes, then echoes. With `usize::MAX` it always fails.
    FailFirst(usize),
    /// Fails every batch with a plane whose first value is this, bit for bit, and echoes the others.
    FailOn(f32),
    /// Returns one map too few.
    Miscount,
    /// Panics.
    Panic,
    /// Reports a lost device.
    Fatal,
}

/// A segmenter without a network.
///
/// # Examples
/// ```
/// use lungfield_engine::fake::{Behaviour, FakeSegmenter};
/// use lungfield_engine::segmenter::Segmenter;
/// use lungfield_radiograph::geometry::ModelInput;
///
/// let mut fake = FakeSegmenter::new(Behaviour::FailFirst(1));
/// let passes = fake.passes();
/// let plane = ModelInput::new(1, vec![0.5]).expect("the plane is square");
/// assert!(fake.segment(&[&plane]).is_err());
/// assert_eq!(fake.segment(&[&plane, &plane])?.len(), 2);
/// assert_eq!(passes.batch_sizes(), [1, 2]);
/// # Ok::<_, lungfield_engine::segmenter::SegmentError>(())
/// ```
#[derive(Debug)]
pub struct FakeSegmenter {
    behaviour: Behaviour,
    entrance: Option<GateEntrance>,
    passes: Passes,
}

impl FakeSegmenter {
    /// Creates a segmenter with this behaviour.
    #[must_use]
    pub fn new(behaviour: Behaviour) -> Self {
        Self {
            behaviour,
            entrance: None,
            passes: Passes::default(),
        }
    }

    /// Makes every forward pass wait at a gate before it does anything else. The returned [`Gate`] lets it through.
    #[must_use]
    pub fn gated(self) -> (Self, Gate) {
        let (arrived, arrivals) = unbounded_channel();
        let (opener, open) = channel();
        (
            Self {
                entrance: Some(GateEntrance { arrived, open }),
                ..self
            },
            Gate { arrivals, opener },
        )
    }

    /// Returns the record of this segmenter's forward passes. It stays valid when the segmenter is gone.
    #[must_use]
    pub fn passes(&self) -> Passes {
        self.passes.clone()
    }

    /// Returns the error of a pass, given the number of passes before it.
    fn check(&self, batch: &[&ModelInput], earlier: usize) -> Result<(), SegmentError> {
        match self.behaviour {
            Behaviour::OutOfMemoryAbove(limit) if batch.len() > limit => {
                Err(SegmentError::OutOfMemory)
            }
            Behaviour::FailFirst(passes) if earlier < passes => Err(failure()),
            Behaviour::FailOn(poison) if batch.iter().any(|plane| is_marked(plane, poison)) => {
                Err(failure())
            }
            Behaviour::Panic => panic!("the fake segmenter panics as told"),
            Behaviour::Fatal => Err(SegmentError::Fatal(
                "the fake device is lost as told".into(),
            )),
            _ => Ok(()),
        }
    }
}

impl Segmenter for FakeSegmenter {
    fn segment(&mut self, batch: &[&ModelInput]) -> Result<Vec<ProbabilityMap>, SegmentError> {
        let earlier = self.passes.record(batch);
        if let Some(entrance) = &self.entrance {
            entrance.wait(batch.len());
        }
        self.check(batch, earlier)?;
        let returned = batch.len() - usize::from(self.behaviour == Behaviour::Miscount);
        Ok(batch[..returned].iter().map(|plane| echo(plane)).collect())
    }
}

fn failure() -> SegmentError {
    SegmentError::Failed("the fake segmenter fails as told".into())
}

fn echo(plane: &ModelInput) -> ProbabilityMap {
    let values = plane
        .pixels()
        .iter()
        .map(|pixel| pixel.clamp(0.0, 1.0))
        .collect();
    ProbabilityMap::new(plane.side(), values).expect("a plane is as square as its map")
}

/// Returns the value by which tests tell planes apart: the first one, or 0 for a plane without pixels.
fn mark(plane: &ModelInput) -> f32 {
    plane.pixels().first().copied().unwrap_or_default()
}

fn is_marked(plane: &ModelInput, value: f32) -> bool {
    mark(plane).to_bits() == value.to_bits()
}

/// The record of a [`FakeSegmenter`]'s forward passes so far, failed ones included.
#[derive(Clone, Debug, Default)]
pub struct Passes(Arc<Mutex<Vec<Vec<f32>>>>);

impl Passes {
    /// Returns the first value of each plane, pass by pass.
    #[must_use]
    pub fn marks(&self) -> Vec<Vec<f32>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns the batch size of each pass, in order.
    #[must_use]
    pub fn batch_sizes(&self) -> Vec<usize> {
        self.marks().iter().map(Vec::len).collect()
    }

    fn record(&self, batch: &[&ModelInput]) -> usize {
        let mut passes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        passes.push(batch.iter().map(|plane| mark(plane)).collect());
        passes.len() - 1
    }
}

/// A gate at which forward passes wait. Dropping it opens the gate for good.
///
/// # Examples
/// A pass that waits at the gate keeps the device busy, and its film has left the queue:
///
/// ```
/// use std::convert::Infallible;
/// use std::num::NonZeroUsize;
/// use std::time::{Duration, Instant};
///
/// use lungfield_engine::fake::{Behaviour, FakeSegmenter};
/// use lungfield_engine::{Engine, EngineOptions};
/// use lungfield_radiograph::geometry::ModelInput;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (segmenter, mut gate) = FakeSegmenter::new(Behaviour::Echo).gated();
/// let options = EngineOptions {
///     max_batch_size: NonZeroUsize::MIN,
///     max_queue_delay: Duration::ZERO,
///     queue_capacity: NonZeroUsize::MIN,
/// };
/// let engine = Engine::start(options, [move || Ok::<_, Infallible>(segmenter)])?;
///
/// let plane = ModelInput::new(1, vec![0.5]).expect("the plane is square");
/// let deadline = Instant::now() + Duration::from_secs(30);
/// let film = engine.reserve()?.segment(plane, deadline);
/// let while_busy = async {
///     assert_eq!(gate.arrival().await, Some(1));
///     assert_eq!(engine.queue_depth(), 0);
///     gate.let_one_through();
/// };
/// let (segmented, ()) = tokio::join!(film, while_busy);
/// assert_eq!(segmented?.batch_size, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Gate {
    arrivals: UnboundedReceiver<usize>,
    opener: Sender<()>,
}

impl Gate {
    /// Waits until the next forward pass arrives at the gate, and returns its batch size; `None` once the segmenter is
    /// gone.
    pub async fn arrival(&mut self) -> Option<usize> {
        self.arrivals.recv().await
    }

    /// Lets one forward pass through: the one that waits, or else the next one.
    pub fn let_one_through(&self) {
        let _ = self.opener.send(()); // fails where the segmenter is gone; then nothing waits
    }
}

/// The segmenter's side of a gate.
#[derive(Debug)]
struct GateEntrance {
    arrived: UnboundedSender<usize>,
    open: Receiver<()>,
}

impl GateEntrance {
    fn wait(&self, batch_size: usize) {
        let _ = self.arrived.send(batch_size);
        let _ = self.open.recv(); // fails where the gate was dropped, which opens it for good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(value: f32) -> ModelInput {
        ModelInput::new(2, vec![value; 4]).unwrap()
    }

    #[test]
    fn an_echo_is_the_plane_cut_to_probabilities() {
        let plane = ModelInput::new(2, vec![-3.0, 0.25, 0.75, 4.0]).unwrap();
        let maps = FakeSegmenter::new(Behaviour::Echo)
            .segment(&[&plane])
            .unwrap();
        assert_eq!(
            maps,
            [ProbabilityMap::new(2, vec![0.0, 0.25, 0.75, 1.0]).unwrap()]
        );
    }

    #[test]
    fn each_failure_is_the_one_that_was_asked_for() {
        let (good, bad) = (plane(0.5), plane(0.25));
        let run = |behaviour, batch: &[&ModelInput]| FakeSegmenter::new(behaviour).segment(batch);
        let both = [&good, &bad];
        assert!(matches!(
            run(Behaviour::OutOfMemoryAbove(1), &both),
            Err(SegmentError::OutOfMemory)
        ));
        assert!(run(Behaviour::OutOfMemoryAbove(2), &both).is_ok());
        assert!(matches!(
            run(Behaviour::FailOn(0.25), &both),
            Err(SegmentError::Failed(_))
        ));
        assert!(run(Behaviour::FailOn(0.25), &[&good]).is_ok());
        assert!(matches!(
            run(Behaviour::Fatal, &both),
            Err(SegmentError::Fatal(_))
        ));
        assert_eq!(run(Behaviour::Miscount, &both).unwrap().len(), 1);
    }

    #[test]
    fn a_passing_failure_passes_and_every_pass_is_recorded() {
        let mut fake = FakeSegmenter::new(Behaviour::FailFirst(1));
        let passes = fake.passes();
        let plane = plane(0.5);
        assert!(fake.segment(&[&plane]).is_err());
        assert!(fake.segment(&[&plane, &plane]).is_ok());
        assert_eq!(passes.batch_sizes(), [1, 2]);
    }

    #[tokio::test]
    async fn a_gate_holds_the_pass_until_it_is_let_through() {
        let (mut fake, mut gate) = FakeSegmenter::new(Behaviour::Echo).gated();
        let thread = std::thread::spawn(move || fake.segment(&[&plane(0.5)]).is_ok());
        assert_eq!(gate.arrival().await, Some(1));
        assert!(!thread.is_finished());
        gate.let_one_through();
        assert!(thread.join().unwrap());
        assert_eq!(gate.arrival().await, None);
    }
}
