//! Decides how a gradient changes a weight: stochastic gradient descent with momentum, its state in plain tensors.
//!
//! The step is written here because tch's own optimisers can't give their momentum back to a checkpoint.

use tch::{TchError, Tensor};

/// Stochastic gradient descent with Nesterov's momentum and weight decay (Sutskever et al. 2013), as `PyTorch` does it.
#[derive(Debug)]
pub struct Sgd {
    weights: Vec<Tensor>,
    velocities: Vec<Tensor>,
    momentum: f64,
    weight_decay: f64,
}

impl Sgd {
    /// An optimiser of `weights`, at rest.
    pub fn new(weights: Vec<Tensor>, momentum: f64, weight_decay: f64) -> Result<Self, TchError> {
        let velocities = weights.iter().map(Tensor::f_zeros_like).collect::<Result<_, _>>()?;
        Ok(Self { weights, velocities, momentum, weight_decay })
    }

    /// Takes one step against the gradients that `backward` left, and clears them.
    pub fn step(&mut self, learning_rate: f64) -> Result<(), TchError> {
        let _guard = tch::no_grad_guard();
        for (weight, velocity) in self.weights.iter_mut().zip(&mut self.velocities) {
            let mut slope = weight.f_grad()?;
            let decayed = slope.f_add(&weight.f_mul_scalar(self.weight_decay)?)?;
            let _ = velocity.f_mul_scalar_(self.momentum)?.f_add_(&decayed)?;
            let step = decayed.f_add(&velocity.f_mul_scalar(self.momentum)?)?;
            let _ = weight.f_sub_(&step.f_mul_scalar(learning_rate)?)?;
            let _ = slope.f_zero_()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn a_step_follows_the_formula() {
        let weight = Tensor::full([1], 2.0, (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let mut sgd = Sgd::new(vec![weight.shallow_clone()], 0.9, 0.1).unwrap();
        let (mut expected, mut velocity) = (2.0, 0.0);
        for _ in 0..3 {
            (&weight * &weight).sum(Kind::Double).backward();
            sgd.step(0.05).unwrap();
            let slope = 2.0 * expected + 0.1 * expected;
            velocity = 0.9 * velocity + slope;
            expected -= 0.05 * (slope + 0.9 * velocity);
            assert!((weight.double_value(&[0]) - expected).abs() < 1e-12);
        }
    }
}
