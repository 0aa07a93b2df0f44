#!/bin/sh
# Fetches libtorch for the CPU into .libtorch, unless it is there. Where LIBTORCH names another, that one is used.
#
# It also checks for what compiling torch-sys needs, before minutes are spent on the rest.
set -eu
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3}

fail() {
    echo "provide.sh: $1" >&2
    exit 1
}

# The compiler that torch-sys calls.
compiler=${CXX:-c++}
command -v "${compiler%% *}" >/dev/null 2>&1 ||
    fail "there is no $compiler: install a C++ compiler (Debian: apt install build-essential)"
if [ -n "${LIBTORCH:-}" ]; then
    echo "LIBTORCH is set: $LIBTORCH is used"
    exit 0
fi
version=$(sed -n 's/^TORCH_VERSION = "\(.*\)"$/\1/p' scripts/libtorch/fetch.py)
if [ "$(cat .libtorch/build-version 2>/dev/null)" = "$version" ] && [ -d .libtorch/licenses ]; then
    exit 0
fi
echo "== libtorch $version"
"$python" -m pip --version >/dev/null 2>&1 ||
    fail "there is no $python with pip: install it (Debian: apt install python3-pip)"
exec "$python" -m scripts.libtorch.fetch .libtorch
