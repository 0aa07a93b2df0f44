#!/bin/sh
# Fuzzes one target after another: scripts/fuzz/run.sh SECONDS [TARGET…], all targets unless some are named.
#
# cargo-fuzz wants a nightly toolchain. Where there is none the stable one is told to take its options too, which it does as
# long as nothing of the service itself needs nightly. SANITIZER=none runs faster and sees less.
set -eu
cd "$(dirname "$0")/../.."
seconds=$1
shift
cargo=${CARGO:-cargo}
libtorch=${LIBTORCH:-$PWD/.libtorch}

"$cargo" fuzz --version >/dev/null 2>&1 || {
    echo "fuzz: there is no cargo-fuzz: cargo install cargo-fuzz --locked" >&2
    exit 1
}
if rustup toolchain list 2>/dev/null | grep -q '^nightly'; then
    toolchain=+nightly
else
    echo "fuzz: there is no nightly toolchain; the stable one is used with RUSTC_BOOTSTRAP=1"
    toolchain=
    export RUSTC_BOOTSTRAP=1
fi
# shellcheck disable=SC2046 # the targets are words
[ $# -gt 0 ] || set -- $(sed -n 's/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml | grep -v '^lungfield-fuzz$')

export LIBTORCH="$libtorch" LD_LIBRARY_PATH="$libtorch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
phantom=target/release/lungfield-phantom
[ -x "$phantom" ] || phantom= # seeds.py does without
"${PYTHON:-python3}" fuzz/seeds.py --phantom "$phantom"

# One input may take a fifth of the time that a caller waits, with everything checked, and as much memory as a small server.
limits="-max_total_time=$seconds -timeout=6 -rss_limit_mb=2048 -detect_leaks=0 -print_final_stats=1"
failed=
for target in "$@"; do
    echo "== $target, $seconds s"
    # shellcheck disable=SC2086 # the limits and the toolchain are words
    "$cargo" $toolchain fuzz run --sanitizer "${SANITIZER:-address}" "$target" -- $limits || failed="$failed $target"
done
[ -z "$failed" ] || {
    echo "fuzz: found something:$failed; the inputs are in fuzz/artifacts" >&2
    exit 1
}
