//! Decides what programs that segment can be told of the model and of the films that it is given.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use crate::device::{DeviceChoice, Placement, PrecisionChoice};
use lungfield_codec::Limits;
use lungfield_support::flags::positive;

/// Which model runs, where and how.
#[derive(Clone, Debug, Args)]
pub struct ModelSettings {
    /// The model directory.
    #[arg(
        long = "model",
        id = "model",
        env = "LUNGFIELD_MODEL",
        default_value = "models/lungfield-segnet",
        value_name = "FOLDER"
    )]
    pub folder: PathBuf,
    /// Where the model runs: auto, cpu, cuda or cuda:N. CUDA needs `LD_LIBRARY_PATH` to name the lib folder of a
    /// PyTorch 2.11 or libtorch 2.11 with CUDA.
    #[arg(long, env = "LUNGFIELD_DEVICE", default_value = "auto")]
    pub device: DeviceChoice,
    /// The numbers in which it computes: auto, f32, bf16 or f16. Auto is bf16 on CUDA, and on a CPU
    /// that is timed faster in it at the start; else f32.
    #[arg(long, env = "LUNGFIELD_PRECISION", default_value = "auto")]
    pub precision: PrecisionChoice,
    /// Threads of the network on the CPU, shared by the forward passes that run at a time; all cores unless given.
    #[arg(long, env = "LUNGFIELD_THREADS")]
    pub threads: Option<NonZeroUsize>,
    /// Forward passes at a time; by default 1 on CUDA, and on the CPU one for each thread of the network.
    #[arg(long, env = "LUNGFIELD_MODEL_THREADS")]
    pub model_threads: Option<NonZeroUsize>,
}

impl ModelSettings {
    /// Threads of the network on the CPU.
    #[must_use]
    pub fn threads(&self) -> NonZeroUsize {
        self.threads.unwrap_or_else(cores)
    }

    /// Forward passes at a time, where the model runs there.
    #[must_use]
    pub fn model_threads(&self, placement: Placement) -> NonZeroUsize {
        self.model_threads
            .unwrap_or_else(|| placement.model_threads(self.threads()))
    }
}

/// How films are decoded.
#[derive(Clone, Debug, Args)]
pub struct FilmSettings {
    /// The most pixels of a film.
    #[arg(long, env = "LUNGFIELD_MAX_PIXELS", default_value = "64M", value_parser = positive)]
    pub max_pixels: u64,
    /// The most films that are decoded or encoded at a time; by default one for each core.
    #[arg(long, env = "LUNGFIELD_DECODE_PERMITS")]
    pub decode_permits: Option<NonZeroUsize>,
}

impl FilmSettings {
    /// What decoders may be asked for.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            max_pixels: self.max_pixels,
        }
    }

    /// The most films that are decoded or encoded at a time.
    #[must_use]
    pub fn decode_permits(&self) -> usize {
        self.decode_permits.unwrap_or_else(cores).get()
    }
}

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
