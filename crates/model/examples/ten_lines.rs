//! The least that serves the shipped weights: loads them, warms them up, and waits to have its memory looked at.
#![expect(clippy::print_stdout, reason = "it says when it is warm")]

use std::num::NonZeroUsize;
use std::path::Path;

use lungfield_model::device::{DeviceChoice, Placement, PrecisionChoice};
use lungfield_model::manifest::Manifest;
use lungfield_model::torch::{self, TorchSegmenter};

fn main() -> anyhow::Result<()> {
    let folder = Path::new("models/lungfield-segnet");
    let manifest = Manifest::read(folder)?;
    let placement = Placement::resolve(DeviceChoice::Cpu, PrecisionChoice::Auto)?;
    let mut segmenter = TorchSegmenter::new(torch::load(folder, &manifest, placement)?);
    segmenter.warm_up(&manifest, NonZeroUsize::MIN)?;
    println!("warm");
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
