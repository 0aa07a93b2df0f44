//! The optimisers: gradient descent, Adam and Muon.
//!
//! They are implemented here because those of tch can't save their state into a checkpoint, and tch has no Muon.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

use super::orthogonal::orthogonal;

/// The decay of Adam's average of the gradients (β₁ of Kingma and Ba 2015).
const ADAM_BETA_1: f64 = 0.9;
/// The decay of Adam's average of the squared gradients (β₂).
const ADAM_BETA_2: f64 = 0.999;
/// The term that keeps Adam's division defined (ε).
const ADAM_EPSILON: f64 = 1e-8;
/// The learning rate of Adam within Muon, as a share of Muon's own.
const ADAM_SHARE: f64 = 0.1;

/// How weights follow their gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Stochastic gradient descent with Nesterov's momentum (Sutskever et al. 2013), as `PyTorch` implements it. It is the
    /// method of the article.
    Sgd,
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    Adamw,
    /// Muon (Jordan et al. 2024) for the kernels: the momentum is made orthogonal, so that every direction learns at the
    /// same rate. Norms, biases and the last convolution use Adam at a tenth of the rate.
    Muon,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 3] = [Self::Sgd, Self::Adamw, Self::Muon];

    /// Returns the name, as it stands in a manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Adamw => "adamw",
            Self::Muon => "muon",
        }
    }
}

/// The options of an optimiser, the learning rate aside.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimiserOptions {
    /// How weights follow their gradients.
    pub method: Method,
    /// The momentum of gradient descent and of Muon, from 0 to below 1.
    pub momentum: f64,
    /// The weight decay. Gradient descent adds it to the gradient; Adam and Muon decouple it, times the learning rate.
    pub weight_decay: f64,
}

/// An optimiser with the weights that it updates and its state for each of them.
///
/// ```
/// use lungfield_training::train::optimiser::{Method, Optimiser, OptimiserOptions};
/// use tch::{Device, Kind, Tensor};
///
/// let weight = Tensor::full([1], 2.0, (Kind::Float, Device::Cpu)).set_requires_grad(true);
/// let options = OptimiserOptions { method: Method::Sgd, momentum: 0.0, weight_decay: 0.0 };
/// let mut optimiser = Optimiser::new([("w".to_owned(), weight.shallow_clone())], options)?;
/// (&weight * &weight).sum(Kind::Float).backward(); // the gradient is 4
/// optimiser.step(0.1)?;
/// assert!((weight.double_value(&[0]) - 1.6).abs() < 1e-6);
/// # Ok::<_, tch::TchError>(())
/// ```
#[derive(Debug)]
pub struct Optimiser {
    options: OptimiserOptions,
    parameters: BTreeMap<String, Parameter>,
    steps: u32,
}

#[derive(Debug)]
struct Parameter {
    weight: Tensor,
    rule: Rule,
    /// The average of the gradients, or their decayed sum.
    velocity: Tensor,
}

#[derive(Debug)]
enum Rule {
    Sgd,
    Adam {
        /// The average of the squared gradients.
        squares: Tensor,
        /// The factor of the learning rate.
        share: f64,
    },
    Muon,
}

impl Optimiser {
    /// Creates an optimiser of those of `variables` that require gradients.
    pub fn new(
        variables: impl IntoIterator<Item = (String, Tensor)>,
        options: OptimiserOptions,
    ) -> Result<Self, TchError> {
        let learns = variables
            .into_iter()
            .filter(|(_, tensor)| tensor.requires_grad());
        let parameter = |(name, weight): (String, Tensor)| {
            let rule = Rule::of(&name, &weight, options.method)?;
            Ok((
                name,
                Parameter {
                    velocity: weight.f_zeros_like()?,
                    rule,
                    weight,
                },
            ))
        };
        Ok(Self {
            options,
            parameters: learns.map(parameter).collect::<Result<_, TchError>>()?,
            steps: 0,
        })
    }

    /// Updates the weights by the gradients that `backward` computed, and clears the gradients.
    pub fn step(&mut self, learning_rate: f64) -> Result<(), TchError> {
        let _guard = tch::no_grad_guard();
        self.steps += 1;
        for parameter in self.parameters.values_mut() {
            let mut gradient = parameter.weight.f_grad()?;
            parameter.step(&gradient, learning_rate, &self.options, self.steps)?;
            let _ = gradient.f_zero_()?;
        }
        Ok(())
    }

    /// Returns the state, by the names that [`Optimiser::restore`] asks for. The tensors are not copied.
    pub fn state(&self) -> impl Iterator<Item = (String, &Tensor)> {
        self.parameters.iter().flat_map(|(name, parameter)| {
            let velocity = (format!("velocity.{name}"), &parameter.velocity);
            let squares = match &parameter.rule {
                Rule::Adam { squares, .. } => Some((format!("squares.{name}"), squares)),
                Rule::Sgd | Rule::Muon => None,
            };
            std::iter::once(velocity).chain(squares)
        })
    }

    /// Restores a state that was saved after `steps` steps. `tensor` returns each tensor of it by name.
    pub fn restore(
        &mut self,
        steps: u32,
        tensor: &dyn Fn(&str) -> Result<Tensor, TchError>,
    ) -> Result<(), TchError> {
        self.steps = steps;
        for (name, parameter) in &mut self.parameters {
            parameter
                .velocity
                .f_copy_(&tensor(&format!("velocity.{name}"))?)?;
            if let Rule::Adam { squares, .. } = &mut parameter.rule {
                squares.f_copy_(&tensor(&format!("squares.{name}"))?)?;
            }
        }
        Ok(())
    }
}

impl Rule {
    fn of(name: &str, weight: &Tensor, method: Method) -> Result<Self, TchError> {
        let adam = |share| {
            Ok(Self::Adam {
                squares: weight.f_zeros_like()?,
                share,
            })
        };
        match method {
            Method::Sgd => Ok(Self::Sgd),
            Method::Adamw => adam(1.0),
            Method::Muon if weight.dim() == 4 && !name.starts_with("head.") => Ok(Self::Muon),
            Method::Muon => adam(ADAM_SHARE),
        }
    }
}

impl Parameter {
    fn step(
        &mut self,
        gradient: &Tensor,
        rate: f64,
        options: &OptimiserOptions,
        steps: u32,
    ) -> Result<(), TchError> {
        let (momentum, decay) = (options.momentum, options.weight_decay);
        match &mut self.rule {
            Rule::Sgd => {
                let decayed = gradient.f_add(&self.weight.f_mul_scalar(decay)?)?;
                let _ = self.velocity.f_mul_scalar_(momentum)?.f_add_(&decayed)?;
                let step = decayed.f_add(&self.velocity.f_mul_scalar(momentum)?)?;
                let _ = self.weight.f_sub_(&step.f_mul_scalar(rate)?)?;
            }
            Rule::Adam { squares, share } => {
                let rate = rate * *share;
                let _ = self.velocity.f_lerp_(gradient, 1.0 - ADAM_BETA_1)?;
                let _ = squares.f_lerp_(&gradient.f_square()?, 1.0 - ADAM_BETA_2)?;
                let correction = |beta: f64| 1.0 - beta.powf(f64::from(steps));
                let root = squares
                    .f_div_scalar(correction(ADAM_BETA_2))?
                    .f_sqrt()?
                    .f_add_scalar(ADAM_EPSILON)?;
                let step = self
                    .velocity
                    .f_div(&root)?
                    .f_mul_scalar(rate / correction(ADAM_BETA_1))?;
                let _ = self
                    .weight
                    .f_mul_scalar_(1.0 - rate * decay)?
                    .f_sub_(&step)?;
            }
            Rule::Muon => {
                let _ = self.velocity.f_lerp_(gradient, 1.0 - momentum)?;
                let ahead = gradient.f_lerp(&self.velocity, momentum)?;
                let step = orthogonal(&ahead)?.f_mul_scalar(rate)?;
                let _ = self
                    .weight
                    .f_mul_scalar_(1.0 - rate * decay)?
                    .f_sub_(&step)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn optimiser(name: &str, weight: &Tensor, method: Method) -> Optimiser {
        let options = OptimiserOptions {
            method,
            momentum: 0.9,
            weight_decay: 0.1,
        };
        Optimiser::new([(name.to_owned(), weight.shallow_clone())], options).unwrap()
    }

    /// A weight of 2, whose loss is its square.
    fn two() -> Tensor {
        Tensor::full([1], 2.0, (Kind::Double, Device::Cpu)).set_requires_grad(true)
    }

    fn step(optimiser: &mut Optimiser, weight: &Tensor) -> f64 {
        (weight * weight).sum(Kind::Double).backward();
        optimiser.step(0.05).unwrap();
        weight.double_value(&[0])
    }

    #[test]
    fn descent_follows_its_formula() {
        let weight = two();
        let mut sgd = optimiser("w", &weight, Method::Sgd);
        let (mut expected, mut velocity) = (2.0, 0.0);
        for _ in 0..3 {
            let gradient = 2.0 * expected + 0.1 * expected;
            velocity = 0.9 * velocity + gradient;
            expected -= 0.05 * (gradient + 0.9 * velocity);
            assert!((step(&mut sgd, &weight) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn adam_follows_its_formula() {
        let weight = two();
        let mut adam = optimiser("w", &weight, Method::Adamw);
        let (mut expected, mut mean, mut square) = (2f64, 0.0, 0.0);
        for step_number in 1..=3 {
            let gradient = 2.0 * expected;
            mean = 0.9 * mean + 0.1 * gradient;
            square = 0.999 * square + 0.001 * gradient * gradient;
            let unbiased = (
                mean / (1.0 - 0.9f64.powi(step_number)),
                square / (1.0 - 0.999f64.powi(step_number)),
            );
            expected =
                expected * (1.0 - 0.05 * 0.1) - 0.05 * unbiased.0 / (unbiased.1.sqrt() + 1e-8);
            assert!((step(&mut adam, &weight) - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn muon_moves_a_kernel_by_an_orthogonal_step_whatever_the_size_of_its_gradient() {
        for size in [1e-3, 1e3] {
            let kernel =
                Tensor::zeros([4, 2, 3, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
            let direction = (Tensor::arange(72, (Kind::Float, Device::Cpu)) * 1.7)
                .sin()
                .view([4, 2, 3, 3]);
            let mut muon = optimiser("encoder.0.0.conv.weight", &kernel, Method::Muon);
            (&kernel * &direction * size).sum(Kind::Float).backward();
            muon.step(0.1).unwrap();
            let rows = kernel.detach().view([4, -1]) / 0.1;
            let lengths = Vec::<f32>::try_from(rows.matmul(&rows.tr()).diag(0)).unwrap();
            assert!(
                lengths.iter().all(|square| (0.4..1.5).contains(square)),
                "{lengths:?}"
            );
            assert!(
                (&kernel * &direction).sum(Kind::Float).double_value(&[]) < 0.0,
                "uphill"
            );
        }
    }

    #[test]
    fn muon_leaves_norms_and_the_head_to_adam() {
        let kernel =
            Tensor::zeros([1, 2, 3, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let names = |name, weight: &Tensor| {
            let muon = optimiser(name, weight, Method::Muon);
            muon.state().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names("head.conv.weight", &kernel).len(), 2);
        assert_eq!(names("encoder.0.0.norm.weight", &two()).len(), 2);
        assert_eq!(
            names("encoder.0.0.conv.weight", &kernel),
            ["velocity.encoder.0.0.conv.weight"]
        );
    }

    #[test]
    fn a_restored_optimiser_goes_on_as_if_it_had_never_stopped() {
        for method in [Method::Sgd, Method::Adamw] {
            let (weight, again) = (two(), two());
            let mut first = optimiser("w", &weight, method);
            step(&mut first, &weight);
            let state: BTreeMap<_, _> = first
                .state()
                .map(|(name, tensor)| (name, tensor.copy()))
                .collect();
            again.detach().copy_(&weight.detach());
            let mut second = optimiser("w", &again, method);
            second
                .restore(1, &|name| Ok(state[name].shallow_clone()))
                .unwrap();
            assert_eq!(
                step(&mut first, &weight).to_bits(),
                step(&mut second, &again).to_bits(),
                "{method:?}"
            );
        }
    }
}
