#!/bin/sh
# Checks the manifests, and the check itself, where there is a kubectl or one can be installed; else says that it skips.
set -eu
cd "$(dirname "$0")/../.."
if sh scripts/debian.sh kubectl kubernetes-client >/dev/null; then
    exec sh scripts/run.sh deploy scripts.deploy.check scripts.deploy.check_test
fi
echo "the check of the manifests is skipped"
