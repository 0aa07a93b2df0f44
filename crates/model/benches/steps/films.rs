//! The steps on the film's own grid, all on one core: decode and prepare, restore, and writing the mask.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use jpeg_encoder::{ColorType, Encoder};
use lungfield_codec::rle::Rle;
use lungfield_codec::{Limits, decode, png};
use lungfield_radiograph::geometry::{Geometry, Size};
use lungfield_radiograph::mask::{Mask, ProbabilityMap, Threshold};
use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
use lungfield_radiograph::postprocess::restore;
use lungfield_radiograph::preprocess::{PreprocessOptions, Preprocessor};
use lungfield_radiograph::radiograph::{Pixels, Radiograph};

/// The side of the shipped model's grid.
pub(crate) const SIDE: u32 = 384;
const JPEG_QUALITY: u8 = 90;

pub(crate) fn measure(criterion: &mut Criterion) {
    let preprocessor = Preprocessor::new(PreprocessOptions {
        side: SIDE,
        ..PreprocessOptions::default()
    })
    .unwrap();
    for (width, height) in [(512, 512), (2048, 2048), (4020, 4892)] {
        let size = Size::new(width, height).unwrap();
        let eight = draw(size, Depth::Eight);
        let name = size.to_string();
        let mut group = crate::samples(criterion, "film");
        let files = [
            ("PNG", 1, png::encode_radiograph(&eight.film)),
            ("JPEG", 1, jpeg(&eight.film)),
        ];
        let deep = (size.width() == 2048).then(|| {
            (
                "PNG 16 bit",
                2,
                png::encode_radiograph(&draw(size, Depth::Sixteen).film),
            )
        });
        for (format, depth_bytes, bytes) in files.into_iter().chain(deep) {
            group.throughput(Throughput::Bytes(
                (bytes.len() + size.pixels() * depth_bytes) as u64,
            ));
            group.bench_function(
                BenchmarkId::new(format!("decode and prepare {format}"), &name),
                |bencher| {
                    bencher.iter(|| {
                        preprocessor.prepare(
                            &decode(
                                &bytes,
                                &Limits {
                                    max_pixels: 64_000_000,
                                },
                            )
                            .unwrap(),
                        )
                    });
                },
            );
        }
        masks(&mut group, &name, &eight.mask);
        group.finish();
    }
}

/// Restoring a mask of this size from the model's grid, and writing it. A mask is a bit for each pixel.
fn masks(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mask: &Mask) {
    let geometry = Geometry::letterbox(mask.size(), SIDE);
    let map = soft(mask, &geometry);
    let bits = mask.size().pixels() / 8;
    group.throughput(Throughput::Bytes((bits + map.values().len() * 4) as u64));
    group.bench_function(BenchmarkId::new("restore", name), |bencher| {
        bencher.iter(|| restore(&map, &geometry, Threshold::HALF));
    });
    let mask = restore(&map, &geometry, Threshold::HALF);
    group.throughput(Throughput::Bytes(
        (bits + png::encode_mask(&mask).len()) as u64,
    ));
    group.bench_function(BenchmarkId::new("mask as PNG", name), |bencher| {
        bencher.iter(|| png::encode_mask(&mask));
    });
    group.throughput(Throughput::Bytes(bits as u64));
    group.bench_function(BenchmarkId::new("mask as RLE", name), |bencher| {
        bencher.iter(|| Rle::of(&mask).compressed());
    });
}

fn draw(size: Size, depth: Depth) -> Phantom {
    Phantom::draw(&PhantomOptions {
        seed: 1,
        size,
        depth,
    })
}

/// A map such as a network gives: the mask on the model's grid, its border a few pixels wide.
fn soft(mask: &Mask, geometry: &Geometry) -> ProbabilityMap {
    let greys = mask
        .pixels()
        .map(|lung| if lung { 200 } else { 50 })
        .collect();
    let film = Radiograph::new(mask.size(), Pixels::Eight(greys), None).unwrap();
    let options = PreprocessOptions {
        side: geometry.model_side(),
        ..PreprocessOptions::default()
    };
    let plane = Preprocessor::new(options).unwrap().prepare(&film).input;
    let values = plane
        .pixels()
        .iter()
        .map(|value| (value + 1.0) / 2.0)
        .collect();
    ProbabilityMap::new(plane.side(), values).unwrap()
}

fn jpeg(film: &Radiograph) -> Vec<u8> {
    let Pixels::Eight(greys) = film.pixels() else {
        panic!("JPEG has 8 bits")
    };
    let mut bytes = Vec::new();
    let side = |length: u32| u16::try_from(length).unwrap();
    let (width, height) = (side(film.size().width()), side(film.size().height()));
    Encoder::new(&mut bytes, JPEG_QUALITY)
        .encode(greys, width, height, ColorType::Luma)
        .unwrap();
    bytes
}
