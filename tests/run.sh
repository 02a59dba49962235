#!/usr/bin/env bash
# Installs everything that the tests need, then lints and runs all tests.
#
#   bash tests/run.sh [--stack openmmlab|onedl] [--no-install]
#       [options of pytest, e.g. -k losses]
#
# --stack: see tools/install.sh; onedl has no mmrazor and no mmdet3d, so that
# their tests are skipped. --no-install takes the environment as it is. With CI
# set in the environment the run ends with the share of statements of mmxkd
# that it ran.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

install=yes stack=openmmlab
options=()
while (($#)); do
    case $1 in
    --no-install) install='' ;;
    --stack) stack=${2:?--stack needs openmmlab or onedl}; shift ;;
    *) options+=("$1") ;;
    esac
    shift
done
case $stack in
openmmlab) venv=.venv extras=tests,lint,mmrazor,mmdet3d,track,compress ;;
onedl) venv=.venv-onedl extras=tests,lint,track,compress ;;
*) echo "run: unknown stack '$stack'; known: openmmlab, onedl" >&2; exit 2 ;;
esac

[[ -z $install ]] || bash tools/install.sh --stack "$stack" --with "$extras"
[[ -n ${VIRTUAL_ENV:-} ]] || source "$venv/bin/activate"

# The same as in .pre-commit-config.yaml.
ruff check .
yapf --diff --recursive --parallel mmxkd tests tools benchmarks configs setup.py
codespell
mypy

# One thread a process, one process a core; a file's tests stay together, since
# some of them share a port.
export OMP_NUM_THREADS=1
cores=$(getconf _NPROCESSORS_ONLN)
exec python -m pytest tests -n $((cores < 4 ? cores : 4)) --dist loadfile \
    ${CI:+-p tests.helpers.line_coverage} "${options[@]}"
