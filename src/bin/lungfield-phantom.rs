//! Draws synthetic chest films with their exact lung masks, to try Lungfield without any patient's film.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use lungfield_codec::png;
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
use lungfield_support::files;

/// Draws synthetic chest films with their exact lung masks.
///
/// Writes `phantom-SEED.png` and `phantom-SEED-mask.png` (0 or 255) for every seed and prints their paths, a film and
/// its mask in turn. The same seed gives the same pixels on every machine. Nothing in a phantom comes from a patient.
#[derive(Parser)]
#[command(name = "lungfield-phantom", version)]
struct Arguments {
    /// The folder to write to; it is made where it does not exist. Files of the same name are replaced.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// How many phantoms to draw, of seeds that follow each other.
    #[arg(long, default_value_t = 1)]
    count: u32,
    /// The seed of the first phantom.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The films' width in pixels.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(32..=5000))]
    width: u32,
    /// The films' height in pixels.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(32..=5000))]
    height: u32,
    /// The bits of a grey value: 8, 12 (the lower ones of 16) or 16.
    #[arg(long, default_value = "8", value_parser = depth)]
    depth: Depth,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let size =
        Size::new(arguments.width, arguments.height).context("a film has at least one pixel")?;
    fs_err::create_dir_all(&arguments.out)?;
    for index in 0..u64::from(arguments.count) {
        let seed = arguments
            .seed
            .checked_add(index)
            .context("there are no seeds beyond 2^64 - 1")?;
        let phantom = Phantom::draw(&PhantomOptions {
            seed,
            size,
            depth: arguments.depth,
        });
        let film = arguments.out.join(format!("phantom-{seed}.png"));
        let mask = arguments.out.join(format!("phantom-{seed}-mask.png"));
        write(&film, &png::encode_radiograph(&phantom.film))?;
        write(&mask, &png::encode_mask(&phantom.mask))?;
        writeln!(std::io::stdout(), "{}\n{}", film.display(), mask.display())?;
    }
    Ok(())
}

fn depth(text: &str) -> Result<Depth, String> {
    let bits: u8 = text.parse().map_err(|error| format!("{error}"))?;
    Depth::try_from(bits).map_err(str::to_owned)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    files::replace(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
