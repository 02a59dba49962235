#!/usr/bin/env bash
# Installs mmxkd and all it needs, editable. Safe to run again at any time:
# where nothing has changed since the last time, it only says so.
#
#   bash tools/install.sh [--with tests,lint,mmrazor,mmdet3d,safetensors] [--force]
#
# Into the virtual environment that is active, else into .venv of the checkout,
# which is made with python3.11 (or with $PYTHON). A torch, and an mmcv with
# ops, that are in the environment already stay as they are. --force goes
# through all steps, also where nothing seems to have changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

TORCH=torch==2.13.0
MMCV=mmcv==2.1.0
MIN_DISK_GB=8

die() {
    echo "install: $*" >&2
    exit 1
}

extras='' force=''
while (($#)); do
    case $1 in
    --with) extras=${2:?--with needs a list such as tests,mmrazor}; shift 2 ;;
    --force) force=yes; shift ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit ;;
    *) die "unknown option '$1'; known: --with, --force, --help" ;;
    esac
done
for extra in ${extras//,/ }; do
    [[ -f requirements/$extra.txt && $extra =~ ^(tests|lint|mmrazor|mmdet3d|safetensors)$ ]] ||
        die "--with: unknown extra '$extra'; known: tests, lint, mmrazor, mmdet3d, safetensors"
done

# --- The environment ------------------------------------------------------
# The code uses ExceptionGroup, which Python 3.11 has brought.
check_python() {
    "$1" - <<'PYTHON' || exit 1
import sys
version = sys.version.split()[0]
if sys.version_info[:2] < (3, 11):
    sys.exit(f'install: {sys.executable} is Python {version}; mmxkd needs '
             '3.11. Set PYTHON=/path/to/python3.11')
if sys.version_info[:2] > (3, 11):
    print(f'install: Python {version} is not tested, 3.11 is',
          file=sys.stderr)
PYTHON
}

if [[ -n ${VIRTUAL_ENV:-} ]]; then
    venv=$VIRTUAL_ENV
    check_python "$venv/bin/python"
else
    venv=$PWD/.venv
    if [[ ! -x $venv/bin/python ]]; then
        base=${PYTHON:-python3.11}
        command -v "$base" >/dev/null ||
            die "$base was not found. Install Python 3.11 with its venv" \
                'module, or set PYTHON=/path/to/python3.11'
        check_python "$base"
        "$base" -m venv "$venv" ||
            die "$base cannot make a virtual environment (on Debian and" \
                'Ubuntu: install the package python3.11-venv)'
    else
        check_python "$venv/bin/python"
    fi
fi
python=$venv/bin/python

# --- Nothing to do? -------------------------------------------------------
# The stamp of the last installation: what it was made from, and its extras.
stamp=$venv/mmxkd-installed

# A hash of all that decides what an installation does: the files that say it,
# this checkout, and every package in the environment with its version.
fingerprint() {
    "$python" - tools/install.sh setup.py pyproject.toml mmxkd/version.py \
        requirements/*.txt <<'PYTHON'
import hashlib
import os
import sys
from importlib.metadata import distributions
from pathlib import Path
parts = [sys.version, sys.prefix, os.getcwd()]
parts += sorted({f'{d.name}=={d.version}' for d in distributions()})
# The links that mim needs: `git clean` takes them away.
parts += sorted(str(path) for path in Path('mmxkd/.mim').glob('*'))
for path in map(Path, sys.argv[1:]):
    parts += [str(path), path.read_text()]
print(hashlib.sha256('\0'.join(parts).encode()).hexdigest())
PYTHON
}

say_what_is_there() {
    "$python" - <<'PYTHON'
from importlib.metadata import PackageNotFoundError, version
names = ('torch', 'mmengine', 'mmcv', 'mmdet', 'mmdet3d', 'mmrazor')
found = []
for name in names:
    try:
        found.append(f'{name} {version(name)}')
    except PackageNotFoundError:
        pass
print('Found ' + ', '.join(found))
PYTHON
}

installed='' stamped_hash=''
if [[ -f $stamp ]]; then
    { read -r stamped_hash; read -r installed; } <"$stamp" || true
    [[ $stamped_hash == "$(fingerprint)" ]] || installed='' stamped_hash=''
fi
missing=''
for extra in ${extras//,/ }; do
    [[ ",$installed," == *",$extra,"* ]] || missing+=" $extra"
done
if [[ -n $stamped_hash && -z $missing && -z $force ]]; then
    say_what_is_there
    echo "Nothing has changed in $venv since the last installation" \
        "(--force installs again)."
    exit
fi
# The extras that are there stay there.
all_extras=$(printf '%s\n' ${installed//,/ } ${extras//,/ } | sort -u |
    paste -sd, -)

rm -f "$stamp"
log=$venv/mmxkd-install.log
: >"$log"
echo "Installing into $venv (log: $log)"

# --- Steps, with a sign of life -------------------------------------------
# step TITLE COMMAND…: output goes to the log; every few seconds a line says
# for how long it has been running, and how far a compiler has come.
step() {
    local title=$1 begin=$SECONDS shown=0 pid status now count
    shift
    printf '== %s\n' "$title" | tee -a "$log"
    "$@" >>"$log" 2>&1 &
    pid=$!
    # Ctrl-C ends the step too.
    trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        now=$((SECONDS - begin))
        if ((now - shown >= 15)); then
            shown=$now
            count=$(tail -n 200 "$log" | grep -oE '^ *\[[0-9]+/[0-9]+\]' |
                tail -n 1 | tr -d ' ' || true)
            printf '   … %d:%02d %s\n' $((now / 60)) $((now % 60)) "$count"
        fi
    done
    trap - INT TERM
    status=0
    wait "$pid" || status=$?
    if ((status)); then
        tail -n 25 "$log" >&2
        die "'$title' failed; the whole output is in $log"
    fi
}

pip() { "$python" -m pip --disable-pip-version-check "$@"; }

has() { "$python" -c "$1" >/dev/null 2>&1; }

# Whether a module is there, without the seconds that importing it takes.
finds() { has "import importlib.util as u; assert u.find_spec('$1')"; }

# --- What mmcv is built with ----------------------------------------------
if ! finds mmcv._ext; then
    compiler=${CXX:-g++}
    command -v "${compiler%% *}" >/dev/null ||
        die "no C++ compiler ('$compiler'): mmcv is built from source. On" \
            'Debian and Ubuntu install build-essential, or set CXX'
    header=$("$python" -c 'import sysconfig as s; print(s.get_path("include"))')
    [[ -f $header/Python.h ]] ||
        die "$header/Python.h is missing: mmcv is built from source. On" \
            'Debian and Ubuntu install python3.11-dev'
    free=$(df -Pk "$venv" | awk 'NR == 2 {print int($4 / 1048576)}')
    ((free >= MIN_DISK_GB)) ||
        die "$free GB free at $venv, $MIN_DISK_GB GB are needed"
fi

if ! has 'import pip; assert int(pip.__version__.split(".")[0]) >= 24'; then
    step 'pip' pip install --upgrade pip
fi
if ! finds torch; then
    step "$TORCH" pip install -c requirements/constraints.txt "$TORCH" numpy
fi
if ! has 'import ninja, psutil, setuptools, wheel, pkg_resources'; then
    step 'build tools' pip install -c requirements/constraints.txt \
        ninja psutil setuptools wheel
fi

# --- mmcv, with the ops that detectors need -------------------------------
build_mmcv() {
    MMCV_WITH_OPS=1 pip install -v --no-build-isolation \
        -c "$constraints" "$@" "$MMCV"
}

# The constraints, but for a torch and an mmcv that were there before.
constraints=$venv/mmxkd-constraints.txt
pin() {
    grep -v "^$1==" "$constraints" >"$constraints.new"
    "$python" -c "from importlib.metadata import version as v
print('$1==' + v('$1'))" >>"$constraints.new"
    mv "$constraints.new" "$constraints"
}
cp requirements/constraints.txt "$constraints"
pin torch
if ! has 'import mmcv.ops'; then
    step "$MMCV with its ops: built from source, 8 minutes on 2 cores, then \
kept in pip's cache" build_mmcv
    # pip's cache does not ask which torch a wheel was built for.
    has 'import mmcv.ops' ||
        step "$MMCV again, since the cached build is for another torch" \
            build_mmcv --no-cache-dir --force-reinstall --no-deps
fi
pin mmcv

# --- Everything else ------------------------------------------------------
files=()
for name in runtime ${all_extras//,/ }; do files+=(-r "requirements/$name.txt"); done
step "mmengine, mmdet${all_extras:+ and the extras $all_extras}" \
    pip install --no-build-isolation -c "$constraints" "${files[@]}"
# opencv-python needs libGL, which servers lack; the headless build of the
# same version has the same files without it.
if ! has 'import cv2'; then
    cv2=$("$python" -c 'import importlib.metadata as m
print(m.version("opencv-python"))')
    step "opencv $cv2 without libGL" pip install --force-reinstall --no-deps \
        "opencv-python-headless==$cv2"
fi
step 'mmxkd (editable)' pip install --no-build-isolation --no-deps -e .
step 'pip check' pip check
step 'import' "$python" -c 'import cv2, mmcv.ops, mmdet.models, mmxkd'
printf '%s\n' "$(fingerprint)" "$all_extras" >"$stamp"
say_what_is_there
echo "Installed in $((SECONDS / 60)) min $((SECONDS % 60)) s."
[[ -n ${VIRTUAL_ENV:-} ]] || echo "To use it: source .venv/bin/activate"
