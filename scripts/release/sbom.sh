#!/bin/sh
# Writes the list of a release's parts (SBOM) into DIST, and checks it by CycloneDX's schema.
set -eu
cd "$(dirname "$0")/../.."
dist=${DIST:-target/dist}
mkdir -p "$dist"
"${PYTHON:-python3}" -m scripts.release.sbom --libtorch "${LIBTORCH:-.libtorch}" --out "$dist/sbom.cdx.json"
sh scripts/run.sh release "scripts.release.sbom_validate $dist/sbom.cdx.json"
