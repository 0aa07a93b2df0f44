//! Decides what the tests' data sets look like: phantoms on disk, laid out as each data set was published.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use ::gif::{Encoder, Frame};
use tempfile::TempDir;

use super::case::{Case, FilmFile, ReferenceFile};
use super::jsrt::{FILM_SIDE, MASK_SIDE};
use super::{DataFolder, Layout, ListOptions, Problems, Split, list};
use lungfield_codec::png;
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
use lungfield_radiograph::radiograph::{Pixels, Radiograph};

/// A palette in which lung is 1.
pub(super) const BLACK_AND_WHITE: [u8; 6] = [0, 0, 0, 255, 255, 255];

/// A small phantom of its own for every seed.
pub(in crate::train) fn phantom(seed: u64) -> Phantom {
    let size = Size::new(64, 48).expect("there are pixels");
    Phantom::draw(&PhantomOptions {
        seed,
        size,
        depth: Depth::Eight,
    })
}

/// A folder that goes with its owner, named `clinic`.
#[derive(Debug)]
pub(in crate::train) struct DataSet {
    root: TempDir,
}

impl DataSet {
    pub(in crate::train) fn new() -> Self {
        let set = Self {
            root: tempfile::tempdir().expect("the system has a place for temporary files"),
        };
        fs_err::create_dir(set.folder()).expect("the folder is new");
        set
    }

    pub(in crate::train) fn folder(&self) -> PathBuf {
        self.root.path().join("clinic")
    }

    pub(in crate::train) fn write(&self, file: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.folder().join(file);
        fs_err::create_dir_all(path.parent().expect("a file lies in a folder"))
            .expect("folders can be made");
        fs_err::write(path, bytes).expect("files can be written");
    }

    pub(in crate::train) fn remove(&self, file: impl AsRef<Path>) {
        fs_err::remove_file(self.folder().join(file)).expect("the file is there");
    }

    pub(in crate::train) fn write_film(&self, file: impl AsRef<Path>, film: &Radiograph) {
        self.write(file, png::encode_radiograph(film));
    }

    pub(in crate::train) fn write_mask(&self, file: impl AsRef<Path>, mask: &Mask) {
        self.write(file, png::encode_mask(mask));
    }

    pub(in crate::train) fn data(&self, layout: Option<Layout>) -> DataFolder {
        DataFolder {
            folder: self.folder(),
            layout,
        }
    }

    /// What is listed when the layout is recognised and nothing may be left out.
    pub(in crate::train) fn list(&self) -> Result<Vec<Case>, Problems> {
        Ok(list(&[self.data(None)], ListOptions::default())?.cases)
    }

    /// What is wrong with it, as it is shown.
    pub(in crate::train) fn refusal(&self) -> String {
        self.list().expect_err("something is wrong").to_string()
    }
}

/// The phantoms of seeds 0 to `count` as `images/NAME.png` and `masks/NAME.png`, named a, b and so on.
pub(in crate::train) fn folders(count: u8) -> DataSet {
    let set = DataSet::new();
    for seed in 0..count {
        let (name, phantom) = (char::from(b'a' + seed), phantom(seed.into()));
        set.write_film(format!("images/{name}.png"), &phantom.film);
        set.write_mask(format!("masks/{name}.png"), &phantom.mask);
    }
    set
}

/// Phantoms as the Montgomery set has its films.
pub(in crate::train) fn montgomery(names: &[&str]) -> DataSet {
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

/// Phantoms as the Shenzhen set has its films.
pub(in crate::train) fn shenzhen(names: &[&str]) -> DataSet {
    let set = DataSet::new();
    for (seed, name) in (0..).zip(names) {
        let phantom = phantom(seed);
        set.write_film(format!("CXR_png/{name}.png"), &phantom.film);
        set.write_mask(format!("mask/{name}_mask.png"), &phantom.mask);
    }
    set
}

/// A list of cases of one source, `clinic`: lines of `name,patient,split,finding,doubtful_reference`, each with a
/// phantom of its own.
pub(in crate::train) fn table(lines: &[&str]) -> DataSet {
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

/// A phantom as the JSRT set has its films, under one name in one fold.
pub(in crate::train) fn add_jsrt(set: &DataSet, seed: u64, name: &str, fold: &str) {
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

/// A phantom of a JSRT film's size and depth, drawn coarsely.
pub(in crate::train) fn large_phantom(seed: u64) -> Phantom {
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

/// Values as a JSRT film stores them.
pub(super) fn jsrt_bytes(values: &[u16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect()
}

/// A mask as the SCR masks are stored.
pub(super) fn encode_gif(mask: &Mask) -> Vec<u8> {
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

/// The patient's left lung and the right one, which lies at the left of the film.
pub(in crate::train) fn lungs(mask: &Mask) -> [Mask; 2] {
    let columns = mask.size().columns();
    [false, true].map(|right| {
        let here = |at: usize| (at % columns < columns / 2) == right;
        let lung = mask.pixels().enumerate().map(|(at, lung)| lung && here(at));
        Mask::new(mask.size(), lung).expect("there is a value for each pixel")
    })
}

/// A case without files.
pub(in crate::train) fn case(
    source: &str,
    patient: &str,
    name: &str,
    split: Option<Split>,
) -> Case {
    Case {
        name: name.to_owned(),
        source: source.to_owned(),
        patient: patient.to_owned(),
        finding: None,
        doubtful: false,
        split,
        film: FilmFile::Picture(PathBuf::new()),
        reference: ReferenceFile::Whole(PathBuf::new()),
    }
}
