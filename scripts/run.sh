#!/bin/sh
# Runs Python modules with the packages of a subject: run.sh SUBJECT "MODULE [ARGUMENT ...]" ...
#
# The packages are those of scripts/SUBJECT/requirements.txt; they are installed into .venv-SUBJECT. PYTHON names another
# interpreter than python3.
set -eu
[ $# -ge 2 ] || { echo "usage: run.sh SUBJECT MODULE ..." >&2; exit 2; }
cd "$(dirname "$0")/.."
subject=$1
shift
sh scripts/venv.sh ".venv-$subject" "scripts/$subject/requirements.txt"
for module in "$@"; do
    # shellcheck disable=SC2086 # a module and its arguments are words
    ".venv-$subject/bin/python" -m $module
done
