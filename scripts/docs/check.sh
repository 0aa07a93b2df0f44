#!/bin/sh
# Checks README.md and the pages, with the programs in the folder BIN: see check.py. First it tests the check itself.
# PYTHON names another interpreter than python3.
set -eu

[ $# -eq 1 ] || { echo "usage: check.sh BIN" >&2; exit 2; }
export PYTHON="${PYTHON:-python3}"
# numpy, requests and Pillow; Triton's client.
sh scripts/venv.sh .venv-api scripts/api/requirements.txt
sh scripts/venv.sh .venv-oip scripts/oip/requirements.txt

.venv-api/bin/python -m scripts.docs.check_test
.venv-api/bin/python -m scripts.docs.book_test
exec .venv-api/bin/python -m scripts.docs.check --programs "$1" --python .venv-oip/bin/python
