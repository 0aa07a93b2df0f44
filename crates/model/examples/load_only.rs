//! Loads and warms up the shipped weights, and then waits for a line on standard input.
//!
//! `benches/footprint/footprint.py` compares the memory of a server with the memory of this program, which needs the
//! weights and nothing else.
#![expect(clippy::print_stdout, reason = "it prints when it is warm")]

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::Path;

use lungfield_model::device::{DeviceChoice, Placement, PrecisionChoice};
use lungfield_model::manifest::Manifest;
use lungfield_model::torch::TorchSegmenter;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = Path::new("models/lungfield-segnet");
    let manifest = Manifest::read(directory)?;
    let placement = Placement::resolve(DeviceChoice::Cpu, PrecisionChoice::Auto)?;
    let mut segmenter = TorchSegmenter::load(directory, &manifest, placement)?;
    segmenter.warm_up(&manifest, NonZeroUsize::MIN)?;
    println!("warm");
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
