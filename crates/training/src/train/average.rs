//! The moving average of the weights, which is what a trained model serves.

use std::collections::HashMap;

use tch::{TchError, Tensor};

/// An exponential moving average of named tensors, after Polyak and Juditsky (1992), who weighed all of them alike.
#[derive(Debug)]
pub struct MovingAverage {
    decay: f64,
    updates: u32,
    averages: HashMap<String, Tensor>,
}

impl MovingAverage {
    /// Starts an average as a copy of `tensors`.
    pub fn new(tensors: &HashMap<String, Tensor>, decay: f64) -> Result<Self, TchError> {
        Ok(Self {
            decay,
            updates: 0,
            averages: copies(tensors)?,
        })
    }

    /// Continues from `averages`, which were made in `updates` updates.
    #[must_use]
    pub fn resumed(averages: HashMap<String, Tensor>, decay: f64, updates: u32) -> Self {
        Self {
            decay,
            updates,
            averages,
        }
    }

    /// Updates the average with the current tensors. The first updates weigh more, so that the average soon forgets its
    /// random start.
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

    /// Returns the averages, by name.
    #[must_use]
    pub fn tensors(&self) -> &HashMap<String, Tensor> {
        &self.averages
    }
}

/// Copies tensors, detached from the graph of gradients.
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
