//! What the machine can do at best: multiply matrices, and copy memory.

use std::hint::black_box;
use std::num::NonZeroUsize;

use criterion::{BenchmarkId, Criterion, Throughput};
use lungfield_model::device::set_threads;
use tch::{Device, Kind, Tensor};

/// The side of the matrices: large enough for the full rate, small enough for the caches.
const SIDE: i64 = 1024;
/// Bytes that are copied: more than a core's own caches hold.
const COPIED: usize = 64 << 20;

/// The precisions whose rate is a floor, by the names that a user gives them.
pub(crate) const KINDS: [(&str, Kind); 2] = [("f32", Kind::Float), ("bf16", Kind::BFloat16)];

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = crate::samples(criterion, "floor");
    let _guard = tch::no_grad_guard();
    for threads in crate::forward::threads() {
        set_threads(NonZeroUsize::new(threads).unwrap());
        for (name, kind) in KINDS {
            let matrix = || Tensor::randn([SIDE, SIDE], (Kind::Float, Device::Cpu)).to_kind(kind);
            let (left, right) = (matrix(), matrix());
            group.throughput(Throughput::Elements(2 * SIDE.unsigned_abs().pow(3)));
            group.bench_function(
                BenchmarkId::new(format!("matrix {name}"), threads),
                |bencher| {
                    bencher.iter(|| left.matmul(&right));
                },
            );
        }
    }
    let (source, mut target) = (vec![1_u8; COPIED], vec![0_u8; COPIED]);
    group.throughput(Throughput::Bytes(2 * COPIED as u64));
    group.bench_function(BenchmarkId::new("copy", 1), |bencher| {
        bencher.iter(|| black_box(&mut target).copy_from_slice(black_box(&source)));
    });
    group.finish();
}
