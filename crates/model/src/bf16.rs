//! Finds out whether the CPU runs a network faster in bf16 than in f32.
//!
//! The CPU's list of features does not tell. AMX, and AVX512-BF16 on some CPUs, multiply bf16 at twice the rate of f32 and
//! more. Other CPUs with AVX512-BF16 have half the rate of f32. So where the feature is listed, both are timed.

use std::time::{Duration, Instant};

use tch::{Device, Kind, TchError, Tensor};

/// The least speed-up for which bf16 is chosen, because it has fewer digits.
const WORTH: f64 = 1.2;
/// The channels of the convolution that is timed, which is one from the middle of the shipped network.
const CHANNELS: i64 = 64;
/// The side of its planes.
const SIDE: i64 = 48;
/// The number of runs. The fastest counts, because other work on the machine can only make a run slower.
const RUNS: usize = 6;

/// Returns whether bf16 is the better choice on this CPU.
pub(crate) fn is_faster() -> bool {
    let listed = fs_err::read_to_string("/proc/cpuinfo").is_ok_and(|text| lists_bf16(&text));
    let rates = || Some((time(Kind::Float).ok()?, time(Kind::BFloat16).ok()?));
    listed && rates().is_some_and(|(single, half)| is_worth_it(single, half))
}

fn is_worth_it(single: Duration, half: Duration) -> bool {
    half.mul_f64(WORTH) <= single
}

/// Returns the time of a convolution whose kernel is prepared.
fn time(kind: Kind) -> Result<Duration, TchError> {
    let _guard = tch::no_grad_guard();
    let ones = |shape: [i64; 4]| Tensor::f_ones(shape, (kind, Device::Cpu));
    let planes = ones([1, SIDE, SIDE, CHANNELS])?.f_permute([0, 3, 1, 2])?;
    let kernel = ones([CHANNELS, 3, 3, CHANNELS])?.f_permute([0, 3, 1, 2])?;
    let run = || {
        planes
            .f_conv2d(&kernel, None::<&Tensor>, [1, 1], [1, 1], [1, 1], 1)
            .map(drop)
    };
    run()?;
    (0..RUNS).try_fold(Duration::MAX, |fastest, _| {
        let started = Instant::now();
        run()?;
        Ok(fastest.min(started.elapsed()))
    })
}

/// Returns whether Linux lists bf16 among the CPU's features. Rust has no name for AMX yet.
fn lists_bf16(cpuinfo: &str) -> bool {
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags"));
    flags.is_some_and(|flags| {
        flags
            .split_whitespace()
            .any(|flag| flag == "avx512_bf16" || flag == "amx_bf16")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bf16_is_found_as_a_whole_word() {
        assert!(lists_bf16(
            "processor: 0\nflags\t\t: fpu avx512_bf16 vnni\n"
        ));
        assert!(lists_bf16("flags : amx_bf16"));
        assert!(!lists_bf16("flags : avx512f avx512_bf16x avx2"));
        assert!(!lists_bf16(""));
    }

    #[test]
    fn only_a_clear_gain_is_worth_fewer_digits() {
        let ms = Duration::from_millis;
        assert!(is_worth_it(ms(20), ms(10)));
        assert!(is_worth_it(ms(12), ms(10)));
        assert!(!is_worth_it(ms(11), ms(10)));
        assert!(!is_worth_it(ms(10), ms(20)));
    }

    #[test]
    fn a_convolution_takes_time() {
        assert!(time(Kind::Float).unwrap() > Duration::ZERO);
    }
}
