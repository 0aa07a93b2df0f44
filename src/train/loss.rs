//! Decides what training minimises: cross-entropy for every pixel, plus soft Dice for every film.

use tch::{Kind, Reduction, TchError, Tensor};

/// What keeps the soft Dice of an empty film defined, in pixels.
const SMOOTH: f64 = 1.0;

/// The mean over the batch of binary cross-entropy plus one minus soft Dice (Milletari et al. 2016, with the plain
/// sums in its denominator). `logits` and `targets` have shape `[n, 1, side, side]`; a target is a share of lung.
pub fn loss(logits: &Tensor, targets: &Tensor) -> Result<Tensor, TchError> {
    let none: Option<&Tensor> = None;
    let entropy = logits.f_binary_cross_entropy_with_logits(targets, none, none, Reduction::Mean)?;
    let sums = |plane: &Tensor| plane.f_sum_dim_intlist([1, 2, 3].as_slice(), false, Kind::Float);
    let probabilities = logits.f_sigmoid()?;
    let shared = sums(&probabilities.f_mul(targets)?)?.f_mul_scalar(2.0)?.f_add_scalar(SMOOTH)?;
    let whole = sums(&probabilities)?.f_add(&sums(targets)?)?.f_add_scalar(SMOOTH)?;
    let dice = shared.f_div(&whole)?.f_mean(Kind::Float)?;
    entropy.f_add_scalar(1.0)?.f_sub(&dice)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    fn of(logit: f64, target: f64) -> f64 {
        let plane = |value| Tensor::full([2, 1, 8, 8], value, (Kind::Float, Device::Cpu));
        loss(&plane(logit), &plane(target)).unwrap().double_value(&[])
    }

    #[test]
    fn a_sure_and_right_network_loses_nothing() {
        assert!(of(20.0, 1.0) < 1e-3);
        assert!(of(-20.0, 0.0) < 1e-3);
    }

    #[test]
    fn being_wrong_costs_more_than_being_unsure() {
        assert!(of(0.0, 1.0) > of(2.0, 1.0));
        assert!(of(-5.0, 1.0) > of(0.0, 1.0));
        // ln 2 + 1 − (2·½ + 1/64) / (1.5 + 1/64), smoothing included
        assert!((of(0.0, 1.0) - (2f64.ln() + 1.0 - 65.0 / 97.0)).abs() < 1e-4);
    }
}
