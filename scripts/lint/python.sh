#!/bin/sh
# Lints Python (ruff, mypy), shell scripts (shellcheck) and workflows (GitHub's schema, as check-jsonschema ships it).
set -eu
cd "$(dirname "$0")/../.."
sh scripts/venv.sh .venv-lint scripts/lint/requirements.txt
.venv-lint/bin/ruff check --quiet
.venv-lint/bin/ruff format --check --quiet
.venv-lint/bin/python -m mypy
find .ci docker scripts \( -name '*.sh' -o -path .ci/run \) -exec .venv-lint/bin/shellcheck --severity=warning {} +
.venv-lint/bin/python -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
