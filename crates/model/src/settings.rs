//! Command-line flags that programs share: the model and its device, and how films are decoded.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use crate::LoadOptions;
use crate::device::{DeviceChoice, DeviceError, Placement, PrecisionChoice};
use lungfield_codec::Limits;
use lungfield_support::flags::positive;

/// The flags of a model and its device.
///
/// # Examples
/// ```
/// use clap::Parser;
/// use lungfield_model::settings::{FilmSettings, ModelSettings};
///
/// #[derive(Parser)]
/// struct Settings {
///     #[command(flatten)]
///     model: ModelSettings,
///     #[command(flatten)]
///     films: FilmSettings,
/// }
///
/// let settings = Settings::parse_from(["program", "--device=cpu", "--precision=f32", "--threads=3"]);
/// let options = settings.model.load_options(&settings.films)?;
/// assert_eq!(options.placement.device_name(), "cpu");
/// assert_eq!(options.threads.get(), 3);
/// # Ok::<_, lungfield_model::device::DeviceError>(())
/// ```
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
    /// Finds the device, and returns the options of a pipeline on it.
    ///
    /// # Errors
    /// Returns an error where the device is not there.
    pub fn load_options(&self, films: &FilmSettings) -> Result<LoadOptions, DeviceError> {
        let placement = Placement::resolve(self.device, self.precision)?;
        let defaults = LoadOptions::new(placement);
        let threads = self.threads.unwrap_or(defaults.threads);
        Ok(LoadOptions {
            threads,
            model_threads: self
                .model_threads
                .unwrap_or_else(|| placement.model_threads(threads)),
            limits: films.limits(),
            decode_permits: films.decode_permits.unwrap_or(defaults.decode_permits),
            ..defaults
        })
    }
}

/// The flags of how films are decoded.
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
    /// Returns the limits of the decoders.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            max_pixels: self.max_pixels,
        }
    }
}
