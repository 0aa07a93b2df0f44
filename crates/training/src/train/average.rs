//! Decides which weights are served: a moving average of those that training walks through.

use std::collections::HashMap;

use tch::{TchError, Tensor};

/// An exponential moving average of named tensors (Polyak and Juditsky 1992 averaged them all alike).
#[derive(Debug)]
pub struct MovingAverage {
    decay: f64,
    updates: u32,
    averages: HashMap<String, Tensor>,
}

impl MovingAverage {
    /// An average that starts as a copy of `tensors`.
    pub fn new(tensors: &HashMap<String, Tensor>, decay: f64) -> Result<Self, TchError> {
        Ok(Self {
            decay,
            updates: 0,
            averages: copies(tensors)?,
        })
    }

    /// An average that goes on from `averages`, made in as many `updates`.
    #[must_use]
    pub fn resumed(averages: HashMap<String, Tensor>, decay: f64, updates: u32) -> Self {
        Self {
            decay,
            updates,
            averages,
        }
    }

    /// Takes in the tensors as they are now. Early on the average forgets faster, so that it leaves its start behind.
    pub fn update(&mut self, tensors: &HashMap<String, Tensor>) -> Result<(), TchError> {
        let _guard = tch::no_grad_guard();
        self.updates += 1;
        let decay = self
            .decay
            .min(f64::from(1 + self.updates) / f64::from(10 + self.updates));
        for (name, average) in &mut self.averages {
            let _ = average.f_lerp_(&tensors[name], 1.0 - decay)?;
        }
        Ok(())
    }

    /// The averages, by name.
    #[must_use]
    pub fn tensors(&self) -> &HashMap<String, Tensor> {
        &self.averages
    }
}

/// Deep copies, cut off from training.
pub fn copies(tensors: &HashMap<String, Tensor>) -> Result<HashMap<String, Tensor>, TchError> {
    tensors
        .iter()
        .map(|(name, tensor)| Ok((name.clone(), tensor.f_detach()?.f_detach_copy()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn it_moves_towards_what_it_is_shown_and_keeps_its_own_memory() {
        let weight = Tensor::zeros([1], (Kind::Float, Device::Cpu));
        let tensors = HashMap::from([("w".to_owned(), weight.shallow_clone())]);
        let mut average = MovingAverage::new(&tensors, 0.9).unwrap();
        let _ = weight.shallow_clone().fill_(1.0);
        assert!(
            average.tensors()["w"].double_value(&[0]).abs() < 1e-9,
            "a copy, not a view"
        );
        let mut last = 0.0;
        for _ in 0..200 {
            average.update(&tensors).unwrap();
            let now = average.tensors()["w"].double_value(&[0]);
            assert!(now >= last);
            last = now;
        }
        assert!(last > 0.999 && last <= 1.0, "{last}");
    }

    #[test]
    fn without_memory_it_is_what_it_was_last_shown() {
        let weight = Tensor::zeros([2], (Kind::Float, Device::Cpu));
        let tensors = HashMap::from([("w".to_owned(), weight.shallow_clone())]);
        let mut average = MovingAverage::new(&tensors, 0.0).unwrap();
        let _ = weight.shallow_clone().fill_(0.3);
        average.update(&tensors).unwrap();
        assert_eq!(average.tensors()["w"], weight);
    }
}
