//! Tests that the fast ways give what the plain ones give: on phantoms, and where `LUNGFIELD_DATA` names a data set, on
//! real films.

use std::io::Cursor;
use std::path::Path;

use lungfield_codec::{Limits, decode, png};
use lungfield_engine::segmenter::Segmenter;
use lungfield_model::device::{DeviceChoice, Placement, Precision, PrecisionChoice};
use lungfield_model::manifest::{Manifest, WEIGHTS};
use lungfield_model::torch::TorchSegmenter;
use lungfield_model::weights;
use lungfield_radiograph::geometry::{Geometry, ModelInput, Size};
use lungfield_radiograph::mask::{Mask, ProbabilityMap, Threshold};
use lungfield_radiograph::overlap::Overlap;
use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
use lungfield_radiograph::postprocess::restore;
use lungfield_radiograph::radiograph::{Pixels, Radiograph};
use lungfield_training::dataset::Split;
use tch::nn::{ModuleT, VarStore};
use tch::{Device, Kind, Tensor};

use crate::shipped::real_films;
use lungfield_testing::small;

/// How alike the masks of two ways must be that compute the same thing in another order.
const SAME: f64 = 0.9999;
/// How alike they must be in another precision: that moves some pixels of the border.
const ALIKE: f64 = 0.995;

/// The shipped model in the two ways.
struct Model {
    manifest: Manifest,
    modules: Box<dyn ModuleT>,
    fast: TorchSegmenter,
    half: TorchSegmenter,
}

impl Model {
    fn shipped() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/lungfield-segnet");
        let manifest = Manifest::read(&folder).unwrap();
        let network = manifest.network;
        let weights = weights::read(
            &folder.join(WEIGHTS),
            &manifest.model.weights_sha256,
            network,
        )
        .unwrap();
        let store = VarStore::new(Device::Cpu);
        let modules = network.modules(&store.root(), Kind::Float);
        let _guard = tch::no_grad_guard();
        store
            .variables()
            .iter()
            .for_each(|(name, variable)| variable.shallow_clone().copy_(&weights[name]));
        let fast = |precision| {
            let placement =
                Placement::resolve(DeviceChoice::Cpu, PrecisionChoice::Fixed(precision)).unwrap();
            TorchSegmenter::load(&folder, &manifest, placement).unwrap()
        };
        let (fast, half) = (fast(Precision::F32), fast(Precision::Bf16));
        Self {
            manifest,
            modules,
            fast,
            half,
        }
    }

    /// The map of the training modules, the film and its mirror image averaged where the manifest says so.
    fn plain(&self, input: &ModelInput) -> ProbabilityMap {
        let _guard = tch::no_grad_guard();
        let side = i64::from(input.side());
        let plane = Tensor::from_slice(input.pixels()).view([1, 1, side, side]);
        let of = |plane: &Tensor| self.modules.forward_t(plane, false).sigmoid();
        let map = if self.manifest.flip_averaging {
            (of(&plane) + of(&plane.flip([3])).flip([3])) / 2
        } else {
            of(&plane)
        };
        ProbabilityMap::new(
            input.side(),
            Vec::try_from(map.contiguous().view(-1)).unwrap(),
        )
        .unwrap()
    }

    /// Asserts that every way gives one mask of a film.
    fn assert_one_mask(&mut self, name: &str, film: &Radiograph) {
        let prepared = self.manifest.preprocessor().unwrap().prepare(film);
        let (geometry, threshold) = (prepared.geometry, self.manifest.threshold);
        let plain = restore_plainly(&self.plain(&prepared.input), &geometry, threshold);
        assert!(
            plain.area_px() > 0,
            "{name}: empty masks would prove nothing"
        );
        for (segmenter, required) in [(&mut self.fast, SAME), (&mut self.half, ALIKE)] {
            let map = segmenter.segment(&[&prepared.input]).unwrap().remove(0);
            let dice = Overlap::of(&plain, &restore(&map, &geometry, threshold))
                .unwrap()
                .dice();
            assert!(dice > required, "{name}: {dice}, not {required}");
        }
    }
}

/// The mask pixel by pixel, each probability interpolated for itself.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a position lies on the model's grid, and a share between 0 and 1"
)]
fn restore_plainly(map: &ProbabilityMap, geometry: &Geometry, threshold: Threshold) -> Mask {
    let (size, placed, side) = (geometry.source(), geometry.placed(), map.side() as usize);
    let near = |line: usize, length: usize, placed: usize, offset: u32| {
        let position = ((line as f64 + 0.5) * placed as f64 / length as f64 - 0.5)
            .clamp(0.0, (placed - 1) as f64);
        let first = position.floor();
        let index = offset as usize + first as usize;
        (
            index,
            (index + 1).min(offset as usize + placed - 1),
            (position - first) as f32,
        )
    };
    let pixel = |x: usize, y: usize| {
        let (left, right, across) = near(x, size.columns(), placed.columns(), geometry.left());
        let (above, below, down) = near(y, size.rows(), placed.rows(), geometry.top());
        let at = |row: usize, column: usize| map.values()[row * side + column];
        let column =
            |column: usize| at(above, column) + (at(below, column) - at(above, column)) * down;
        column(left) + (column(right) - column(left)) * across >= threshold.get()
    };
    let pixels = (0..size.rows()).flat_map(|y| (0..size.columns()).map(move |x| (x, y)));
    Mask::new(size, pixels.map(|(x, y)| pixel(x, y))).unwrap()
}

#[test]
fn every_way_through_the_network_gives_a_phantom_one_mask() {
    let mut model = Model::shipped();
    for (seed, (width, height)) in [(1, (512, 512)), (2, (700, 500)), (3, (1024, 1300))] {
        let size = Size::new(width, height).unwrap();
        let phantom = Phantom::draw(&PhantomOptions {
            seed,
            size,
            depth: Depth::Eight,
        });
        model.assert_one_mask(&format!("phantom {seed}"), &phantom.film);
    }
}

#[test]
fn every_way_through_the_network_gives_a_real_film_one_mask() {
    let Some(data) = real_films() else { return };
    let mut model = Model::shipped();
    for case in small::cases(&data, Split::Test).unwrap().iter().step_by(6) {
        model.assert_one_mask(&case.name, &case.film().unwrap());
    }
}

#[test]
fn a_film_read_row_by_row_is_what_it_is_read_at_once() {
    let size = Size::new(700, 500).unwrap();
    let film = Phantom::draw(&PhantomOptions {
        seed: 1,
        size,
        depth: Depth::Eight,
    })
    .film;
    let bytes = png::encode_radiograph(&film);
    let mut reader = ::png::Decoder::new(Cursor::new(&bytes))
        .read_info()
        .unwrap();
    let mut plain = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut plain).unwrap();
    assert_eq!(
        decode(&bytes, &Limits::default()).unwrap().pixels(),
        &Pixels::Eight(plain)
    );
}
