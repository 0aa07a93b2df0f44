//! The forward pass by width, precision, batch size and threads, on random weights.

use std::num::{NonZeroU16, NonZeroUsize};

use criterion::{BenchmarkId, Criterion, Throughput};
use lungfield_model::device::set_threads;
use lungfield_model::network::segnet::SegNetLayout;
use tch::Device;

use super::films::SIDE;
use super::floors::KINDS;
use super::network;

/// The width of the shipped model.
const SHIPPED: u16 = 16;

/// One thread, as a film has among others, and all cores, as a film has alone.
pub(crate) fn threads() -> Vec<usize> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    if cores == 1 { vec![1] } else { vec![1, cores] }
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = crate::samples(criterion, "forward");
    let _guard = tch::no_grad_guard();
    for threads in threads() {
        set_threads(NonZeroUsize::new(threads).unwrap());
        for (precision, kind) in KINDS {
            for (width, batch_size) in [(8, 1), (SHIPPED, 1), (SHIPPED, 4), (32, 1), (64, 1)] {
                let width = NonZeroU16::new(width).unwrap();
                let (plan, film) = (
                    network::plan(width, Device::Cpu, kind).unwrap(),
                    network::film(SIDE),
                );
                let batch = vec![&film; batch_size];
                group.throughput(Throughput::Elements(operations(width) * batch_size as u64));
                let name = format!("{precision} width {width} batch {batch_size}");
                group.bench_function(BenchmarkId::new(name, threads), |bencher| {
                    bencher.iter(|| plan.segment(&batch).unwrap());
                });
            }
        }
    }
    group.finish();
}

/// Multiplications and additions of the convolutions for one film: what the network asks for, whatever a kernel does.
fn operations(width: NonZeroU16) -> u64 {
    let layout = SegNetLayout::new(width);
    let encoder = layout
        .encoder
        .iter()
        .enumerate()
        .map(|(level, block)| (level, block.as_slice()));
    let decoder = layout
        .decoder
        .iter()
        .rev()
        .enumerate()
        .map(|(level, block)| (level, block.as_slice()));
    let head = std::iter::once((0, std::slice::from_ref(&layout.head)));
    let blocks = encoder.chain(decoder).chain(head);
    blocks
        .map(|(level, block)| {
            let pixels = u64::from(SIDE >> level).pow(2);
            block
                .iter()
                .map(|layer| 2 * 9 * pixels * (layer.inputs * layer.outputs).unsigned_abs())
                .sum::<u64>()
        })
        .sum()
}
