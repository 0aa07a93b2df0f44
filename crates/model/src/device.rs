//! The device that a model runs on, and the precision of its numbers.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tch::{Cuda, Device, Kind};

use crate::bf16;

/// The CUDA part of libtorch, which registers itself when it is opened.
const CUDA_LIBRARY: &str = "libtorch_cuda.so";

/// The device that a user asks for: `auto`, `cpu`, `cuda` or `cuda:N`.
///
/// # Examples
/// ```
/// use lungfield_model::device::DeviceChoice;
///
/// assert_eq!("cuda:1".parse(), Ok(DeviceChoice::Cuda(1)));
/// assert!("gpu".parse::<DeviceChoice>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first CUDA device where there is one, or else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A CUDA device by its number.
    Cuda(usize),
}

/// The precision that a user asks for: `auto`, or the name of a [`Precision`].
///
/// # Examples
/// ```
/// use lungfield_model::device::{Precision, PrecisionChoice};
///
/// assert_eq!("bf16".parse(), Ok(PrecisionChoice::Fixed(Precision::Bf16)));
/// assert_eq!("auto".parse(), Ok(PrecisionChoice::Auto));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrecisionChoice {
    /// bf16 on CUDA, and on a CPU that is faster in bf16; or else f32.
    #[default]
    Auto,
    /// This precision.
    Fixed(Precision),
}

/// The type of the numbers in a forward pass.
///
/// # Examples
/// ```
/// use lungfield_model::device::Precision;
///
/// assert_eq!(Precision::Bf16.to_string(), "bf16");
/// assert_eq!(serde_json::to_string(&Precision::F32)?, r#""f32""#);
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 16 bits, with the range of 32 bits.
    Bf16,
    /// 16 bits, with more digits and a smaller range.
    F16,
}

impl Precision {
    /// Every precision.
    const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::F16];

    /// Returns the stable name, as flags, metrics and files have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }

    /// Returns the type of libtorch's tensors.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
            Self::F16 => Kind::Half,
        }
    }
}

/// Writes the stable [`name`](Precision::name).
impl fmt::Display for Precision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// The device and the precision of a model.
///
/// # Examples
/// ```
/// use lungfield_model::device::{DeviceChoice, Placement, Precision, PrecisionChoice};
///
/// let placement = Placement::resolve(DeviceChoice::Cpu, PrecisionChoice::Fixed(Precision::F32))?;
/// assert_eq!(placement, Placement::cpu());
/// assert_eq!(placement.device_name(), "cpu");
/// # Ok::<_, lungfield_model::device::DeviceError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    device: Device,
    precision: Precision,
}

/// The error of a device that is not there.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// This libtorch has no CUDA part, or it can't be opened.
    #[error(
        "CUDA is not available: {0}; set LD_LIBRARY_PATH to the lib folder of a PyTorch 2.11 or libtorch 2.11 \
         with CUDA, or choose --device cpu"
    )]
    Library(String),
    /// libtorch finds no usable device.
    #[error("CUDA is not available: libtorch finds no CUDA device; choose --device cpu")]
    NoDevice,
    /// There is no device of this number.
    #[error("there is no CUDA device {wanted}; there are {found}")]
    NoSuchDevice {
        /// The number that was asked for.
        wanted: usize,
        /// How many devices there are.
        found: i64,
    },
}

impl Placement {
    /// Finds the device that was asked for, and a precision that suits it.
    ///
    /// Call it before anything else asks libtorch for CUDA, because libtorch remembers its first answer. Where bf16 may
    /// be faster on the CPU, this takes some milliseconds to time it.
    ///
    /// # Errors
    /// Returns an error where a CUDA device was asked for and is not there.
    pub fn resolve(device: DeviceChoice, precision: PrecisionChoice) -> Result<Self, DeviceError> {
        let device = match device {
            DeviceChoice::Cpu => Device::Cpu,
            DeviceChoice::Cuda(index) => cuda(index)?,
            DeviceChoice::Auto => cuda(0).unwrap_or(Device::Cpu),
        };
        let precision = match precision {
            PrecisionChoice::Fixed(precision) => precision,
            PrecisionChoice::Auto if device.is_cuda() || bf16::is_faster() => Precision::Bf16,
            PrecisionChoice::Auto => Precision::F32,
        };
        Ok(Self { device, precision })
    }

    /// Returns the CPU in 32 bits, which every machine has.
    #[must_use]
    pub fn cpu() -> Self {
        Self {
            device: Device::Cpu,
            precision: Precision::F32,
        }
    }

    /// Returns the device.
    #[must_use]
    pub fn device(self) -> Device {
        self.device
    }

    /// Returns the precision.
    #[must_use]
    pub fn precision(self) -> Precision {
        self.precision
    }

    /// Returns the largest batch that is useful.
    ///
    /// A GPU computes several films at a time. On the CPU each film has a pass of its own, so in a batch the first film
    /// would only wait for the last.
    #[must_use]
    pub fn batch_size(self) -> NonZeroUsize {
        let films = if self.device.is_cuda() { 8 } else { 1 };
        NonZeroUsize::new(films).expect("a batch has films")
    }

    /// Returns the number of model threads that keep the device busy.
    ///
    /// A GPU needs one. On the CPU it is one for each core, so that films that arrive together don't wait for each other
    /// at every layer of the network.
    #[must_use]
    pub fn model_threads(self, cores: NonZeroUsize) -> NonZeroUsize {
        if self.device.is_cuda() {
            NonZeroUsize::MIN
        } else {
            cores
        }
    }

    /// Returns the stable name of the device, as flags, metrics and responses have it: `cpu` or `cuda:0`.
    #[must_use]
    pub fn device_name(self) -> String {
        match self.device {
            Device::Cuda(index) => format!("cuda:{index}"),
            _ => "cpu".to_owned(),
        }
    }
}

/// Sets the number of CPU threads that libtorch uses, in the whole process.
pub fn set_threads(threads: NonZeroUsize) {
    tch::set_num_threads(i32::try_from(threads.get()).unwrap_or(i32::MAX));
}

fn cuda(index: usize) -> Result<Device, DeviceError> {
    open_cuda_library()?;
    if !Cuda::is_available() {
        return Err(DeviceError::NoDevice);
    }
    let found = Cuda::device_count();
    if i64::try_from(index).is_ok_and(|index| index < found) {
        Ok(Device::Cuda(index))
    } else {
        Err(DeviceError::NoSuchDevice {
            wanted: index,
            found,
        })
    }
}

/// Opens the CUDA part of libtorch. A program is linked to the CPU part only, so that it runs on machines without CUDA.
#[expect(
    unsafe_code,
    reason = "dlopen runs the library's initialisers; libtorch's own CUDA part is made for that"
)]
fn open_cuda_library() -> Result<(), DeviceError> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

    // SAFETY: the initialisers register CUDA with the libtorch that this program is linked to, and do nothing else.
    let library = unsafe { Library::open(Some(CUDA_LIBRARY), RTLD_NOW | RTLD_GLOBAL) };
    let library = library.map_err(|cause| DeviceError::Library(cause.to_string()))?;
    std::mem::forget(library); // what it registered lives as long as the process
    Ok(())
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_prefix("cuda:").map(str::parse);
        match (text, number) {
            ("auto", _) => Ok(Self::Auto),
            ("cpu", _) => Ok(Self::Cpu),
            ("cuda", _) => Ok(Self::Cuda(0)),
            (_, Some(Ok(index))) => Ok(Self::Cuda(index)),
            _ => Err("a device is auto, cpu, cuda or cuda:N".to_owned()),
        }
    }
}

impl FromStr for PrecisionChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let named = Precision::ALL
            .into_iter()
            .find(|precision| precision.name() == text);
        named
            .map(Self::Fixed)
            .ok_or_else(|| "a precision is auto, f32, bf16 or f16".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_as_users_write_them() {
        assert_eq!("cuda:3".parse(), Ok(DeviceChoice::Cuda(3)));
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        for bad in ["gpu", "cuda:", "cuda:-1", "cuda:x", ""] {
            assert!(bad.parse::<DeviceChoice>().is_err(), "{bad}");
        }
        assert_eq!("bf16".parse(), Ok(PrecisionChoice::Fixed(Precision::Bf16)));
        assert!("f64".parse::<PrecisionChoice>().is_err());
    }

    #[test]
    fn a_precision_has_one_name_in_flags_json_and_texts() {
        for precision in Precision::ALL {
            let name = precision.to_string();
            assert_eq!(name.parse(), Ok(PrecisionChoice::Fixed(precision)));
            assert_eq!(serde_json::to_value(precision).unwrap(), name);
        }
    }

    #[test]
    fn the_cpu_is_always_there() {
        let cpu =
            Placement::resolve(DeviceChoice::Cpu, PrecisionChoice::Fixed(Precision::F32)).unwrap();
        assert_eq!(
            (cpu, cpu.device_name()),
            (Placement::cpu(), "cpu".to_owned())
        );
    }
}
