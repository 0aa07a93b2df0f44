//! The types whose values are chosen by name on the command line.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::dataset::{DatasetLayout, Split};
use crate::train::optimiser::Method;
use crate::train::preset::Preset;
use crate::train::schedule::Decay;

impl ValueEnum for DatasetLayout {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Cases => {
                "A list `cases.csv` with the columns case, source, image, reference and, where they are known, patient, \
                 split, finding and doubtful_reference; paths are relative to the folder. It takes precedence over \
                 whatever else the folder holds"
            }
            Self::Folders => {
                "`images/` and `masks/`, with files of the same name but for the extension; a mask may add `_mask` or \
                 `-mask`"
            }
            Self::Montgomery => {
                "The Montgomery set: `CXR_png/`, `ManualMask/leftMask/` and `ManualMask/rightMask/`"
            }
            Self::Shenzhen => {
                "The Shenzhen set: `CXR_png/` and `mask/`, each mask named as its film with `_mask` added"
            }
            Self::Jsrt => {
                "The JSRT set with its SCR masks: `*.IMG` and `fold*/masks/`, up to three folders down"
            }
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

impl ValueEnum for Split {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Train => "Cases to learn from",
            Self::Validation => "Cases that are scored during training, to choose the weights",
            Self::Test => "Cases that are scored after training, to report",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

impl ValueEnum for Preset {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Lungfield => "The recipe of the shipped model, for two CPU cores and two hours",
            Self::Article => {
                "The recipe of the article: width 64, plain descent, 5,000 iterations of 6 films, no variation and no \
                 averaging"
            }
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

impl ValueEnum for Method {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Sgd => {
                "Stochastic gradient descent with Nesterov's momentum (Sutskever et al. 2013); the article's method"
            }
            Self::Adamw => "Adam with decoupled weight decay (Loshchilov and Hutter 2019)",
            Self::Muon => {
                "Muon (Jordan et al. 2024) for the kernels; Adam at a tenth of the rate for norms, biases and the last \
                 convolution"
            }
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

impl ValueEnum for Decay {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Constant => "The rate stays at its peak",
            Self::Polynomial => "`(1 − progress)^0.9`, nearly a straight line to 0",
            Self::Cosine => {
                "`(1 + cos(π · progress)) / 2` (Loshchilov and Hutter 2017, without restarts)"
            }
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    fn assert_parsed_by_name<T: ValueEnum + Debug + PartialEq>(name: fn(T) -> &'static str) {
        for value in T::value_variants() {
            let parsed = T::from_str(name(value.clone()), false);
            assert_eq!(parsed.as_ref(), Ok(value));
        }
    }

    #[test]
    fn every_choice_is_parsed_by_its_name() {
        assert_parsed_by_name(DatasetLayout::name);
        assert_parsed_by_name(Split::name);
        assert_parsed_by_name(Preset::name);
        assert_parsed_by_name(Method::name);
        assert_parsed_by_name(Decay::name);
    }
}
