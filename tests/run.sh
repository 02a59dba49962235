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
# One thread a process: two workers keep two cores busy.
export OMP_NUM_THREADS=1
exec python -m pytest --doctest-modules mmxkd tests "$@"
