//! The loss that training minimises: cross-entropy of the pixels, plus soft Dice of the films.

use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, TchError, Tensor};

/// The term that keeps the soft Dice of an empty film defined, in pixels.
const SMOOTH: f64 = 1.0;

/// The weights of the terms of the loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossOptions {
    /// The weight of soft Dice relative to cross-entropy. 0 leaves it out.
    pub dice_weight: f64,
    /// The weight of lung in cross-entropy, relative to everything else.
    pub lung_weight: f64,
}

/// Computes the mean over the batch of binary cross-entropy, plus `dice_weight` times one minus soft Dice (Milletari et
/// al. 2016, with plain sums in the denominator).
///
/// `logits` and `targets` have the shape `[n, 1, side, side]`. A target is the share of lung in a pixel, from 0 to 1. The
/// result is a scalar.
///
/// ```
/// use lungfield_training::train::loss::{LossOptions, loss};
/// use tch::{Device, Kind, Tensor};
///
/// let plane = |value| Tensor::full([1, 1, 8, 8], value, (Kind::Float, Device::Cpu));
/// let options = LossOptions { dice_weight: 1.0, lung_weight: 1.0 };
/// let right = loss(&plane(10.0), &plane(1.0), &options)?.double_value(&[]);
/// let wrong = loss(&plane(-10.0), &plane(1.0), &options)?.double_value(&[]);
/// assert!(right < 0.001 && wrong > 10.0);
/// # Ok::<_, tch::TchError>(())
/// ```
pub fn loss(logits: &Tensor, targets: &Tensor, options: &LossOptions) -> Result<Tensor, TchError> {
    let none: Option<&Tensor> = None;
    let lung = Tensor::f_from_slice(&[options.lung_weight])?
        .f_to_kind(Kind::Float)?
        .f_to_device(logits.device())?;
    let entropy =
        logits.f_binary_cross_entropy_with_logits(targets, none, Some(&lung), Reduction::Mean)?;
    if options.dice_weight <= 0.0 {
        return Ok(entropy);
    }
    let sums = |plane: &Tensor| plane.f_sum_dim_intlist([1, 2, 3].as_slice(), false, Kind::Float);
    let probabilities = logits.f_sigmoid()?;
    let shared = sums(&probabilities.f_mul(targets)?)?
        .f_mul_scalar(2.0)?
        .f_add_scalar(SMOOTH)?;
    let whole = sums(&probabilities)?
        .f_add(&sums(targets)?)?
        .f_add_scalar(SMOOTH)?;
    let dice = shared.f_div(&whole)?.f_mean(Kind::Float)?;
    entropy
        .f_add_scalar(options.dice_weight)?
        .f_sub(&dice.f_mul_scalar(options.dice_weight)?)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    const BOTH: LossOptions = LossOptions {
        dice_weight: 1.0,
        lung_weight: 1.0,
    };

    fn of(logit: f64, target: f64, options: &LossOptions) -> f64 {
        let plane = |value| Tensor::full([2, 1, 8, 8], value, (Kind::Float, Device::Cpu));
        loss(&plane(logit), &plane(target), options)
            .unwrap()
            .double_value(&[])
    }

    #[test]
    fn a_sure_and_right_network_loses_nothing() {
        assert!(of(20.0, 1.0, &BOTH) < 1e-3);
        assert!(of(-20.0, 0.0, &BOTH) < 1e-3);
    }

    #[test]
    fn being_wrong_costs_more_than_being_unsure() {
        assert!(of(0.0, 1.0, &BOTH) > of(2.0, 1.0, &BOTH));
        assert!(of(-5.0, 1.0, &BOTH) > of(0.0, 1.0, &BOTH));
        // ln 2 + 1 − (2·½ + 1/64) / (1.5 + 1/64), smoothing included
        assert!((of(0.0, 1.0, &BOTH) - (2f64.ln() + 1.0 - 65.0 / 97.0)).abs() < 1e-4);
    }

    #[test]
    fn weights_weigh_their_terms() {
        let entropy = LossOptions {
            dice_weight: 0.0,
            lung_weight: 1.0,
        };
        assert!((of(0.0, 1.0, &entropy) - 2f64.ln()).abs() < 1e-6);
        let lung = LossOptions {
            lung_weight: 3.0,
            ..entropy
        };
        assert!((of(0.0, 1.0, &lung) - 3.0 * 2f64.ln()).abs() < 1e-6);
        assert!(
            (of(0.0, 0.0, &lung) - 2f64.ln()).abs() < 1e-6,
            "what is no lung weighs 1"
        );
        let half = LossOptions {
            dice_weight: 0.5,
            ..BOTH
        };
        assert!((of(0.0, 1.0, &half) - (2f64.ln() + 0.5 * (1.0 - 65.0 / 97.0))).abs() < 1e-4);
    }
}
