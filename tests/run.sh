#!/usr/bin/env bash
# Installs everything that the tests need, then lints and runs all tests.
#
#   bash tests/run.sh [options of pytest, e.g. -k losses]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash tools/install.sh --with tests,lint,mmrazor,mmdet3d
[[ -n ${VIRTUAL_ENV:-} ]] || source .venv/bin/activate

ruff check .
codespell
mypy
# One thread a process, one process a core; a file's tests stay together, since
# some of them share a port.
export OMP_NUM_THREADS=1
cores=$(getconf _NPROCESSORS_ONLN)
exec python -m pytest tests -n $((cores < 4 ? cores : 4)) --dist loadfile "$@"
