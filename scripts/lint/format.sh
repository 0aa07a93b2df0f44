#!/bin/sh
# Formats the sources: Rust by rustfmt, Python by ruff.
set -eu
cd "$(dirname "$0")/../.."
"${CARGO:-cargo}" fmt --all
sh scripts/venv.sh .venv-lint scripts/lint/requirements.txt
.venv-lint/bin/ruff format --quiet
