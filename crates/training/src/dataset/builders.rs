//! Data sets for tests: phantoms on disk, in each layout.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use ::gif::{Encoder, Frame};
use tempfile::TempDir;

use super::case::{Case, FilmFile, ReferenceFiles};
use super::files::jsrt::{FILM_SIDE, MASK_SIDE};
use super::{DatasetFolder, DatasetLayout, ListOptions, Problems, Split, list};
use lungfield_codec::png;
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
use lungfield_radiograph::radiograph::{Pixels, Radiograph};

/// A palette of black and white.
pub(crate) const BLACK_AND_WHITE: [u8; 6] = [0, 0, 0, 255, 255, 255];

/// Draws a small phantom.
pub(crate) fn phantom(seed: u64) -> Phantom {
    let size = Size::new(64, 48).expect("there are pixels");
    Phantom::draw(&PhantomOptions {
        seed,
        size,
        depth: Depth::Eight,
    })
}

/// A data set in a temporary folder named `clinic`.
#[derive(Debug)]
pub(crate) struct DataSet {
    root: TempDir,
}

impl DataSet {
    pub(crate) fn new() -> Self {
        let set = Self {
            root: tempfile::tempdir().expect("the system has a place for temporary files"),
        };
        fs_err::create_dir(set.folder()).expect("the folder is new");
        set
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.root.path().join("clinic")
    }

    pub(crate) fn write(&self, file: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.folder().join(file);
        fs_err::create_dir_all(path.parent().expect("a file lies in a folder"))
            .expect("folders can be made");
        fs_err::write(path, bytes).expect("files can be written");
    }

    pub(crate) fn remove(&self, file: impl AsRef<Path>) {
        fs_err::remove_file(self.folder().join(file)).expect("the file is there");
    }

    pub(crate) fn write_film(&self, file: impl AsRef<Path>, film: &Radiograph) {
        self.write(file, png::encode_radiograph(film));
    }

    pub(crate) fn write_mask(&self, file: impl AsRef<Path>, mask: &Mask) {
        self.write(file, png::encode_mask(mask));
    }

    pub(crate) fn data(&self, layout: Option<DatasetLayout>) -> DatasetFolder {
        DatasetFolder {
            folder: self.folder(),
            layout,
        }
    }

    /// Lists its cases. The layout is recognised, and no film may lack a mask.
    pub(crate) fn list(&self) -> Result<Vec<Case>, Problems> {
        Ok(list(&[self.data(None)], ListOptions::default())?.cases)
    }

    /// Returns the problems of the data set as text.
    pub(crate) fn refusal(&self) -> String {
        self.list().expect_err("something is wrong").to_string()
    }
}

/// Writes the phantoms of seeds 0 to `count` as `images/NAME.png` and `masks/NAME.png`, named a, b and so on.
pub(crate) fn folders(count: u8) -> DataSet {
    let set = DataSet::new();
    for seed in 0..count {
        let (name, phantom) = (char::from(b'a' + seed), phantom(seed.into()));
        set.write_film(format!("images/{name}.png"), &phantom.film);
        set.write_mask(format!("masks/{name}.png"), &phantom.mask);
    }
    set
}

/// Writes phantoms in the layout of the Montgomery set.
pub(crate) fn montgomery(names: &[&str]) -> DataSet {
    let set = DataSet::new();
    for (seed, name) in (0..).zip(names) {
        let phantom = phantom(seed);
        set.write_film(format!("CXR_png/{name}.png"), &phantom.film);
        let [left, right] = lungs(&phantom.mask);
        set.write_mask(format!("ManualMask/leftMask/{name}.png"), &left);
        set.write_mask(format!("ManualMask/rightMask/{name}.png"), &right);
    }
    set
}

/// Writes phantoms in the layout of the Shenzhen set.
pub(crate) fn shenzhen(names: &[&str]) -> DataSet {
    let set = DataSet::new();
    for (seed, name) in (0..).zip(names) {
        let phantom = phantom(seed);
        set.write_film(format!("CXR_png/{name}.png"), &phantom.film);
        set.write_mask(format!("mask/{name}_mask.png"), &phantom.mask);
    }
    set
}

/// Writes a list of cases of the source `clinic` from lines of `name,patient,split,finding,doubtful_reference`. Each
/// case has a phantom of its own.
pub(crate) fn table(lines: &[&str]) -> DataSet {
    let set = DataSet::new();
    let mut list =
        "case,patient,split,finding,doubtful_reference,source,image,reference,width\n".to_owned();
    for (seed, line) in (0..).zip(lines) {
        let phantom = phantom(seed);
        set.write_film(format!("films/{seed}.png"), &phantom.film);
        set.write_mask(format!("films/{seed}-mask.png"), &phantom.mask);
        writeln!(
            list,
            "{line},clinic,films/{seed}.png,films/{seed}-mask.png,64"
        )
        .expect("a string takes any text");
    }
    set.write("cases.csv", list);
    set
}

/// Adds a phantom in the layout of the JSRT set, with its masks in one fold.
pub(crate) fn add_jsrt(set: &DataSet, seed: u64, name: &str, fold: &str) {
    let phantom = large_phantom(seed);
    let Pixels::Sixteen(bright) = phantom.film.pixels() else {
        unreachable!("drawn with 12 bits")
    };
    let stored: Vec<_> = bright.iter().map(|value| 4095 - value).collect();
    set.write(format!("All247images/{name}.IMG"), jsrt_bytes(&stored));
    for (mask, lung) in lungs(&phantom.mask).iter().zip(["left", "right"]) {
        let size = Size::square(MASK_SIDE).expect("there are pixels");
        let rows = mask
            .rows()
            .step_by(2)
            .flat_map(|row| row.pixels().step_by(2));
        let half = Mask::new(size, rows).expect("every other pixel of every other row");
        set.write(
            format!("scratch/{fold}/masks/{lung} lung/{name}.gif"),
            encode_gif(&half),
        );
    }
}

/// Draws a phantom with the size and depth of a JSRT film, coarsely.
pub(crate) fn large_phantom(seed: u64) -> Phantom {
    const COARSE_SIDE: u32 = 128;
    let factor = (FILM_SIDE / COARSE_SIDE) as usize;
    let coarse = Size::square(COARSE_SIDE).expect("there are pixels");
    let Phantom { film, mask } = Phantom::draw(&PhantomOptions {
        seed,
        size: coarse,
        depth: Depth::Twelve,
    });
    let Pixels::Sixteen(values) = film.pixels() else {
        unreachable!("drawn with 12 bits")
    };
    let size = Size::square(FILM_SIDE).expect("there are pixels");
    let place =
        |at: usize| at / size.columns() / factor * coarse.columns() + at % size.columns() / factor;
    let pixels = Pixels::Sixteen((0..size.pixels()).map(|at| values[place(at)]).collect());
    let coarse = mask.pixels().collect::<Vec<_>>();
    let lung = (0..size.pixels()).map(|at| coarse[place(at)]);
    Phantom {
        film: Radiograph::new(size, pixels, None).expect("there is a value for each pixel"),
        mask: Mask::new(size, lung).expect("there is a value for each pixel"),
    }
}

/// Encodes values as a JSRT film stores them.
pub(crate) fn jsrt_bytes(values: &[u16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect()
}

/// Encodes a mask as the SCR masks are stored.
pub(crate) fn encode_gif(mask: &Mask) -> Vec<u8> {
    let side =
        |side: u32| u16::try_from(side).expect("a GIF is at most 65535 pixels wide and high");
    let (width, height) = (side(mask.size().width()), side(mask.size().height()));
    let indices: Vec<_> = mask.pixels().map(u8::from).collect();
    let mut encoder =
        Encoder::new(Vec::new(), width, height, &BLACK_AND_WHITE).expect("memory takes a header");
    encoder
        .write_frame(&Frame::from_indexed_pixels(width, height, indices, None))
        .expect("memory takes a frame");
    encoder.into_inner().expect("memory takes a trailer")
}

/// Cuts a mask into the patient's left lung and right lung, which lies on the left side of the film.
pub(crate) fn lungs(mask: &Mask) -> [Mask; 2] {
    let columns = mask.size().columns();
    [false, true].map(|right| {
        let here = |at: usize| (at % columns < columns / 2) == right;
        let lung = mask.pixels().enumerate().map(|(at, lung)| lung && here(at));
        Mask::new(mask.size(), lung).expect("there is a value for each pixel")
    })
}

/// Returns a case without files.
pub(crate) fn case(source: &str, patient: &str, name: &str, split: Option<Split>) -> Case {
    Case {
        name: name.to_owned(),
        source: source.to_owned(),
        patient: patient.to_owned(),
        finding: None,
        doubtful: false,
        split,
        film: FilmFile::Image(PathBuf::new()),
        reference: ReferenceFiles::Whole(PathBuf::new()),
    }
}
