//! Decides which device a model runs on and how precisely it counts.

use std::num::NonZeroUsize;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tch::{Cuda, Device, Kind};

use super::bf16;

/// The CUDA half of libtorch, which registers itself when it is opened.
const CUDA_LIBRARY: &str = "libtorch_cuda.so";

/// The device that a user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first CUDA device where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A CUDA device by its number.
    Cuda(usize),
}

/// The precision that a user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrecisionChoice {
    /// bf16 on CUDA, and on a CPU that is faster in it; else f32.
    #[default]
    Auto,
    /// This one.
    Fixed(Precision),
}

/// The numbers in which the forward pass is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 16 bits with the range of 32.
    Bf16,
    /// 16 bits with more digits and less range.
    F16,
}

impl Precision {
    /// Returns the stable name, as flags, metrics and files have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }

    /// The precision, as libtorch calls it.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
            Self::F16 => Kind::Half,
        }
    }
}

/// Where a model runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    device: Device,
    precision: Precision,
}

/// The device that was asked for is not there.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// This libtorch has no CUDA half, or it does not load.
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
        /// The number asked for.
        wanted: usize,
        /// How many devices there are.
        found: i64,
    },
}

impl Placement {
    /// Finds the device that was asked for and a precision that suits it.
    ///
    /// Call it before anything else asks libtorch for CUDA: libtorch remembers its first answer.
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

    /// The CPU in 32 bits, which every machine has.
    #[must_use]
    pub fn cpu() -> Self {
        Self {
            device: Device::Cpu,
            precision: Precision::F32,
        }
    }

    /// The device.
    #[must_use]
    pub fn device(self) -> Device {
        self.device
    }

    /// The precision.
    #[must_use]
    pub fn precision(self) -> Precision {
        self.precision
    }

    /// The most films that are worth a batch. A GPU is filled by many films; on the CPU they go one by one, so a batch
    /// would only keep the first of them waiting for the last.
    #[must_use]
    pub fn batch_size(self) -> NonZeroUsize {
        let films = if self.device.is_cuda() { 8 } else { 1 };
        NonZeroUsize::new(films).expect("a batch has films")
    }

    /// How many model threads keep the device busy: one for a GPU, which has its own; on the CPU one for each core, so
    /// that films that come together don't wait for each other at every layer of the network.
    #[must_use]
    pub fn model_threads(self, cores: NonZeroUsize) -> NonZeroUsize {
        if self.device.is_cuda() {
            NonZeroUsize::MIN
        } else {
            cores
        }
    }

    /// The device as a user names it: `cpu` or `cuda:0`.
    #[must_use]
    pub fn device_name(self) -> String {
        match self.device {
            Device::Cuda(index) => format!("cuda:{index}"),
            _ => "cpu".to_owned(),
        }
    }
}

/// Has the CPU's part of libtorch use this many threads, in the whole process.
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

/// One program serves both devices: it is linked against the CPU half, and the CUDA half is opened where it is.
#[expect(
    unsafe_code,
    reason = "dlopen runs the library's initialisers; libtorch's own CUDA half is made for that"
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
        match text {
            "auto" => Ok(Self::Auto),
            "f32" => Ok(Self::Fixed(Precision::F32)),
            "bf16" => Ok(Self::Fixed(Precision::Bf16)),
            "f16" => Ok(Self::Fixed(Precision::F16)),
            _ => Err("a precision is auto, f32, bf16 or f16".to_owned()),
        }
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
    fn the_cpu_is_always_there() {
        let cpu =
            Placement::resolve(DeviceChoice::Cpu, PrecisionChoice::Fixed(Precision::F32)).unwrap();
        assert_eq!(
            (cpu, cpu.device_name()),
            (Placement::cpu(), "cpu".to_owned())
        );
    }
}
