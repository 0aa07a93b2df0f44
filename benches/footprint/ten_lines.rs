//! The least that serves the shipped weights: loads them, warms them up, and says how much memory it then holds.
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::num::NonZeroUsize;
use std::path::Path;

use lungfield::model::device::{DeviceChoice, Placement, PrecisionChoice};
use lungfield::model::manifest::Manifest;
use lungfield::model::torch::{self, TorchSegmenter};

fn main() -> anyhow::Result<()> {
    let folder = Path::new("models/lungfield-segnet");
    let manifest = Manifest::read(folder)?;
    let placement = Placement::resolve(DeviceChoice::Cpu, PrecisionChoice::Auto)?;
    let mut segmenter = TorchSegmenter::new(torch::load(folder, &manifest, placement)?);
    segmenter.warm_up(&manifest, NonZeroUsize::MIN)?;
    let status = fs_err::read_to_string("/proc/self/status")?;
    status.lines().filter(|line| line.starts_with("VmRSS")).for_each(|line| println!("{line}"));
    Ok(())
}
