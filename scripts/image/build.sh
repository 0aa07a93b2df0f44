#!/bin/sh
# Builds a container image with its labels: build.sh TARGET TAG, where TARGET is cpu or cuda.
#
# The label "created" is the commit's time, so that the same commit makes the same image. SOURCE is the address of the sources,
# where there is one. container.sh says which tool is used.
set -eu
[ $# -eq 2 ] || { echo "usage: build.sh TARGET TAG" >&2; exit 2; }
cd "$(dirname "$0")/../.."
target=$1
tag=$2
set -- --target "$target"
if revision=$(git describe --always --abbrev=40 --dirty --exclude '*' 2>/dev/null); then
    set -- "$@" --label "org.opencontainers.image.revision=$revision" \
        --label "org.opencontainers.image.created=$(git log -1 --format=%cI)"
fi
[ -z "${SOURCE:-}" ] || set -- "$@" --label "org.opencontainers.image.source=$SOURCE"
started=$(date +%s)
sh scripts/image/container.sh build docker/Dockerfile . "$tag" "$@"
echo "== the image $tag was built in $(($(date +%s) - started)) s"
