#!/bin/sh
# Builds the programs of a release into DIR/release: the same bytes wherever the sources and cargo's own folder lie.
#
#   build.sh DIR
#
# They find libtorch beside themselves only, and name no folder of this machine. It needs the toolchain of rust-toolchain.toml, the
# C++ compiler of Debian 12 and the libtorch of LIBTORCH, .libtorch by default. DIR is for releases alone: with the flags of other builds
# cargo would compile everything anew, time and again.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh DIR" >&2; exit 2; }
# As the system names them, links resolved: so the compilers do, too, and a name that is not known is not replaced.
root=$(cd "$(dirname "$0")/../.." && pwd -P)
cargo_home=$(mkdir -p "${CARGO_HOME:-$HOME/.cargo}" && cd "${CARGO_HOME:-$HOME/.cargo}" && pwd -P)
sysroot=$(rustc --print sysroot)
target=$(mkdir -p "$1" && cd "$1" && pwd -P)
libtorch=$(cd "${LIBTORCH:-$root/.libtorch}" && pwd -P)

# The last that fits counts, and DIR may lie in the root, or cargo's folder too.
separator=$(printf '\037')
flags=
c_flags=
for pair in "$root=/lungfield" "$libtorch=/libtorch" "$target=/target" "$cargo_home=/cargo" "$sysroot=/rust"; do
    flags="$flags${flags:+$separator}--remap-path-prefix=$pair"
    c_flags="$c_flags -ffile-prefix-map=$pair"
done

# Incremental compilation and a caller's flags would leave their traces.
unset RUSTFLAGS
export CARGO_ENCODED_RUSTFLAGS="$flags" CARGO_INCREMENTAL=0
export CFLAGS="$c_flags" CXXFLAGS="$c_flags" LIBTORCH="$libtorch" CARGO_HOME="$cargo_home"
# Deeper than bin/../lib: libtorch's own libraries look for others in $ORIGIN/../../nvidia first, which is then inside the archive.
export LUNGFIELD_RUNPATH='$ORIGIN/../libtorch/lib'
cd "$root"
exec "${CARGO:-cargo}" build --release --locked --workspace --bins --target-dir "$target"
