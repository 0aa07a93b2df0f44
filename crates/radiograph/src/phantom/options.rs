//! Defines which phantom to draw.

use serde::{Deserialize, Serialize};

use crate::geometry::Size;

/// The bit depth of a phantom's grey values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Depth {
    /// 8-bit pixels.
    Eight,
    /// 16-bit pixels that use the lower 12 bits, like those of many detectors.
    Twelve,
    /// 16-bit pixels.
    Sixteen,
}

impl TryFrom<u8> for Depth {
    type Error = &'static str;

    fn try_from(bits: u8) -> Result<Self, Self::Error> {
        match bits {
            8 => Ok(Self::Eight),
            12 => Ok(Self::Twelve),
            16 => Ok(Self::Sixteen),
            _ => Err("a phantom has 8, 12 or 16 bits"),
        }
    }
}

impl From<Depth> for u8 {
    fn from(depth: Depth) -> Self {
        match depth {
            Depth::Eight => 8,
            Depth::Twelve => 12,
            Depth::Sixteen => 16,
        }
    }
}

/// The parameters of a phantom. The JSON form is
/// `{"seed": 1, "width": 512, "height": 512, "depth": 8}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "PlainOptions", into = "PlainOptions")]
pub struct PhantomOptions {
    /// The seed of the chest, of its position on the film, of its exposure and of its noise.
    pub seed: u64,
    /// The size of the film. If a side is below 32 pixels, the two lungs may touch.
    pub size: Size,
    /// The bit depth of its grey values.
    pub depth: Depth,
}

/// The serialized form of [`PhantomOptions`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlainOptions {
    seed: u64,
    width: u32,
    height: u32,
    depth: Depth,
}

impl TryFrom<PlainOptions> for PhantomOptions {
    type Error = &'static str;

    fn try_from(plain: PlainOptions) -> Result<Self, Self::Error> {
        let size =
            Size::new(plain.width, plain.height).ok_or("a phantom has at least one pixel")?;
        Ok(Self {
            seed: plain.seed,
            size,
            depth: plain.depth,
        })
    }
}

impl From<PhantomOptions> for PlainOptions {
    fn from(options: PhantomOptions) -> Self {
        let PhantomOptions { seed, size, depth } = options;
        Self {
            seed,
            width: size.width(),
            height: size.height(),
            depth,
        }
    }
}
