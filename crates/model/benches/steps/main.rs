//! Times the steps of a request, each alone, beside what the machine can do at best. `make bench` prints the table.
//!
//! Every benchmark states its work as a throughput: floating-point operations for a forward pass, bytes that must be read
//! and written for all else. The two floors state theirs alike, so a step's ratio to its floor is a quotient of rates.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark ends where its world does not come about"
)]

mod films;
mod floors;
mod forward;
#[path = "../../examples/forward/network.rs"]
mod network;

use criterion::{Criterion, criterion_group, criterion_main};

criterion_group!(steps, floors::measure, films::measure, forward::measure);
criterion_main!(steps);

/// Few runs of each step are enough: they take milliseconds and vary by a few per cent.
fn samples<'a>(
    criterion: &'a mut Criterion,
    group: &str,
) -> criterion::BenchmarkGroup<'a, criterion::measurement::WallTime> {
    let mut group = criterion.benchmark_group(group);
    group
        .sample_size(10)
        .warm_up_time(std::time::Duration::from_millis(300));
    group.measurement_time(std::time::Duration::from_secs(1));
    group
}
