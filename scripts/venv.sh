#!/bin/sh
# Makes a folder with a Python of its own, DIR/bin/python, in which the packages of REQUIREMENTS are installed.
#
# It asks for python3 with pip and no more: Debian's python3-venv, which holds ensurepip, may be missing. A folder that
# was made from the same requirements by the same Python is kept as it is. It appears whole or not at all.
# PYTHON names another interpreter than python3. Run modules by `DIR/bin/python -m`: of the packages' commands only native
# programs are kept, in DIR/bin.
set -eu

[ $# -eq 2 ] || { echo "usage: venv.sh DIR REQUIREMENTS" >&2; exit 2; }
target=${1%/}
requirements=$2
python=${PYTHON:-python3}

fail() {
    echo "venv.sh: $1" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 || fail "there is no $python; install Python 3, or name one by PYTHON"
[ -r "$requirements" ] || fail "$requirements can't be read"

identity=$("$python" -c '
import hashlib, sys
print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest(), sys.executable, *sys.version_info[:3])
' "$requirements")
if [ "$(cat "$target/stamp" 2>/dev/null)" = "$identity" ] && "$target/bin/python" -c '' 2>/dev/null; then
    exit 0
fi
[ -f "$target/stamp" ] || [ ! -e "$target" ] || fail "$target is there and was not made by this script; move it away"

mkdir -p "$(dirname "$target")"
partial=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$partial"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$partial"

# Where there is no venv module either, a bin/python that only adds the packages to its path does as well.
without_venv() {
    rm -rf "${partial:?}/bin" # a link to the system's own interpreter may be left there
    mkdir -p "$partial/bin" "$partial/packages"
    cat >"$partial/bin/python" <<'WRAPPER'
#!/bin/sh
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
PYTHONPATH=$here/packages${PYTHONPATH:+:$PYTHONPATH} PYTHONNOUSERSITE=1
export PYTHONPATH PYTHONNOUSERSITE
WRAPPER
    printf 'exec "%s" "$@"\n' "$("$python" -c 'import sys; print(sys.executable)')" >>"$partial/bin/python"
    chmod 755 "$partial/bin/python"
}

# pip of the system, which serves any folder by --target; where it has none, the one that ensurepip brings.
if "$python" -m pip --version >/dev/null 2>&1; then
    pip=$python
    "$python" -m venv --without-pip "$partial" >/dev/null 2>&1 || without_venv
elif "$python" -m venv "$partial" >/dev/null 2>&1; then
    pip=$partial/bin/python
else
    fail "$python has no pip; install it (Debian: apt install python3-pip)"
fi

packages=$partial/packages
[ -d "$packages" ] || packages=$("$partial/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
PIP_USER=0 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
    "$pip" -m pip install --quiet --only-binary=:all: --target "$packages" --upgrade --requirement "$requirements" ||
    fail "the packages of $requirements could not be installed for $("$python" --version)"

# What names the folder by the path that it was made under would fail once it has moved: scripts do, native programs don't.
for program in "$packages"/bin/*; do
    if [ -f "$program" ] && [ "$(head -c 2 "$program" | tr -d '\0')" != '#!' ]; then
        mv "$program" "$partial/bin/"
    fi
done
rm -rf "${packages:?}/bin" "$partial"/bin/[Aa]ctivate* "$partial"/bin/pip*
echo "$identity" >"$partial/stamp"
rm -rf "$target"
mv "$partial" "$target"
