#!/usr/bin/env bash
# Installs mmxkd and all it needs, editable. Safe to run again at any time:
# where nothing has changed since the last time, it only says so.
#
#   bash tools/install.sh [--stack openmmlab|onedl] [--replace] [--force]
#       [--with tests,lint,mmrazor,mmdet3d,safetensors,sound,track,compress]
#
# --stack: OpenMMLab's own releases (default), or OneDL, their continuation.
# Both have the same import names, so each needs an environment of its own:
# the virtual environment that is active, else .venv (openmmlab) or
# .venv-onedl of the checkout, which is made with python3.11 (or $PYTHON). In
# an active environment that holds one of them, that one is the default.
#
# In an environment that is yours, every package stays as it is. Where the
# stack cannot work with one, the script asks before it replaces it;
# --replace answers yes, and lets pip replace whatever else it must. --force
# goes through all steps, also where nothing seems to have changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

TORCH=torch==2.13.0
MIN_DISK_GB=8

die() {
    echo "install: $*" >&2
    exit 1
}

extras='' force='' stack='' replace=''
while (($#)); do
    case $1 in
    --stack) stack=${2:?--stack needs openmmlab or onedl}; shift 2 ;;
    --with) extras=${2:?--with needs a list such as tests,mmrazor}; shift 2 ;;
    --replace) replace=all; shift ;;
    --force) force=yes; shift ;;
    -h | --help) sed -n '2,19s/^# \{0,1\}//p' "$0"; exit ;;
    *) die "unknown option '$1'; known: --stack, --with, --replace, --force," \
        --help ;;
    esac
done
[[ $stack =~ ^(|openmmlab|onedl)$ ]] ||
    die "--stack: unknown stack '$stack'; known: openmmlab, onedl"
known='tests lint mmrazor mmdet3d safetensors sound track compress'
for extra in ${extras//,/ }; do
    [[ " $known " == *" $extra "* ]] ||
        die "--with: unknown extra '$extra'; known: ${known// /, }"
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
    [[ ${CONDA_DEFAULT_ENV:-base} == base ]] ||
        echo "install: the conda environment $CONDA_DEFAULT_ENV is left as it" \
            "is. To install into it: VIRTUAL_ENV=\$CONDA_PREFIX bash $0" >&2
    venv=$PWD/.venv
    [[ $stack != onedl ]] || venv=$PWD/.venv-onedl
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
# Whether the script has made the environment: then its packages are the
# stack's, and follow its constraints.
own=''
[[ $venv != "$PWD/.venv" && $venv != "$PWD/.venv-onedl" ]] || own=yes

# --- The stack ------------------------------------------------------------
# Import names and versions tell the stack, not names of distributions: mmcv
# comes under many. Prints the stack that is there, or nothing.
stack_there() {
    "$python" - <<'PYTHON'
import runpy
import sys
stacks = runpy.run_path('mmxkd/compat/stacks.py')
versions = stacks['installed_versions']()
stack = stacks['stack_of'](versions)
if versions and stack is None:
    sys.exit(f'install: {sys.prefix} holds packages that are not of one '
             f'stack:\n{stacks["why_neither"](versions)}\n'
             'Nothing was changed. Use a new environment, or remove those of '
             'the other stack (pip uninstall).')
print(stack or '')
PYTHON
}
there=$(stack_there) || exit 1
[[ -z $there || -z $stack || $there == "$stack" ]] ||
    die "$venv holds the stack $there, whose packages have the same import" \
        "names as those of $stack. Nothing was changed. Use a new" \
        'environment'
stack=${stack:-${there:-openmmlab}}
for extra in ${extras//,/ }; do
    [[ $stack != onedl || ! $extra =~ ^(mmrazor|mmdet3d)$ ]] ||
        die "--with: the stack onedl does not have $extra"
done

# --- Nothing to do? -------------------------------------------------------
# The stamp of the last installation: what it was made from, and its extras.
stamp=$venv/mmxkd-installed

# A hash of all that decides what an installation does: the files that say it,
# this checkout, and every package in the environment with its version.
fingerprint() {
    "$python" - tools/install.sh setup.py pyproject.toml mmxkd/version.py \
        mmxkd/compat/stacks.py requirements/*.txt <<'PYTHON'
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
    "$python" - "$stack" <<'PYTHON'
import runpy
import sys
from importlib.metadata import PackageNotFoundError, version
found = runpy.run_path('mmxkd/compat/stacks.py')['installed_versions']()
for name in ('torch', 'mmdet3d', 'mmrazor'):
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(f'Found the stack {sys.argv[1]}: '
      + ', '.join(f'{name} {number}' for name, number in found.items()))
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
        [[ -n $own || $replace == all ]] ||
            echo "install: the packages that were in $venv were held at" \
                'their versions; --replace lets pip change them' >&2
        die "'$title' failed; the whole output is in $log"
    fi
}

pip() { "$python" -m pip --disable-pip-version-check "$@"; }

has() { "$python" -c "$1" >/dev/null 2>&1; }

# Whether a module is there, without the seconds that importing it takes.
finds() { has "import importlib.util as u; assert u.find_spec('$1')"; }

# --- What stays, and what must change --------------------------------------
# The constraints of the stack; packages that are there are held at their
# versions. Of an environment that the script has made only torch and mmcv
# are: the user may have put others there.
constraints=$venv/mmxkd-constraints.txt
requirements=$venv/mmxkd-requirements.txt

# plan ''|listed|all: writes both files. Prints each package that the stack
# cannot work with as `name version (the stack needs …)`. With `listed` these
# are not held, with `all` as in an environment that the script has made.
plan() {
    "$python" - "$stack" "$constraints" "$requirements" "$own" "$1" <<'PYTHON'
import runpy
import sys
from importlib.metadata import distributions
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name
stack, constraints, requirements, own, replace = sys.argv[1:]
own = own or replace == 'all'
there = runpy.run_path('mmxkd/compat/stacks.py')['installed_versions']()
IMPORTS = {'onedl-mmdetection': 'mmdet'}


def lines_of(name):
    for line in Path(f'requirements/{name}.txt').read_text().splitlines():
        line = line.split('#')[0].strip()
        if line and not line.startswith('-c'):
            yield Requirement(line)


def import_name(package):
    return IMPORTS.get(package, package.removeprefix('onedl-'))


shared = [*lines_of('constraints')]
of_stack = [*lines_of(f'constraints_{stack}')]
installed = {
    canonicalize_name(d.metadata['Name']): d.version for d in distributions()
    if d.metadata['Name']
}
complete = {'mmengine', 'mmcv', 'mmdet'} <= set(there)
unfit = {}
if not own and not complete:
    # What a stack that is there works with is shown to work.
    for pin in of_stack + [r for r in shared if r.name == 'setuptools']:
        version = installed.get(canonicalize_name(pin.name))
        if (version and import_name(pin.name) not in there
                and not pin.specifier.contains(version, prereleases=True)):
            unfit[canonicalize_name(pin.name)] = (
                f'{pin.name} {version} (the stack needs {pin.specifier})')
held = {'torch', 'mmcv', 'onedl-mmcv'} if own else set(installed)
held -= {'mmxkd'} | (set(unfit) if replace == 'listed' else set())
held &= set(installed)
pins = [f'{name}=={installed[name]}' for name in sorted(held)]
pins += [
    str(r) for r in shared + of_stack if canonicalize_name(r.name) not in held
]
Path(constraints).write_text('\n'.join(pins) + '\n')
# A package of any distribution that is imported under the name will do.
will_do = {'mmcv'} & set(there) if own else set(there)
wanted = [
    str(r) for r in lines_of(stack) if import_name(r.name) not in will_do
]
Path(requirements).write_text('\n'.join(wanted) + '\n')
print('\n'.join(unfit.values()))
PYTHON
}

unfit=$(plan '')
if [[ -n $unfit && -z $replace ]]; then
    printf 'The stack %s does not work with these packages of %s:\n%s\n' \
        "$stack" "$venv" "$unfit"
    answer=''
    [[ ! -t 0 ]] || read -rp 'Replace them? [y/N] ' answer
    [[ $answer =~ ^[Yy] ]] ||
        die 'nothing was changed. Use a new environment, or --replace'
    replace=listed
fi
plan "$replace" >/dev/null
# Faults that the environment has had before are not ours.
complaints=$venv/mmxkd-pip-check.txt
: >"$complaints"
[[ -n $own ]] || pip check >"$complaints" 2>/dev/null || true
had_cv2=''
[[ -n $own || -n $replace ]] ||
    ! has 'import importlib.metadata as m; m.version("opencv-python")' ||
    had_cv2=yes

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

if [[ -n $own ]] &&
    ! has 'import pip; assert int(pip.__version__.split(".")[0]) >= 24'; then
    step 'pip' pip install --upgrade pip
fi
if ! finds torch; then
    step "$TORCH" pip install -c "$constraints" "$TORCH" numpy
fi
# Build tools: mmcv 2.1 asks for pkg_resources, too.
tools=setuptools,wheel
if ! finds mmcv._ext; then tools+=,ninja,psutil,pkg_resources; fi
if ! has "import $tools"; then
    step 'build tools' pip install -c "$constraints" \
        ninja psutil setuptools wheel
fi

# --- mmcv, with the ops that detectors need -------------------------------
# Without what a debugger would need: -g0 after Python's own flags.
build_mmcv() {
    local flags
    flags=$("$python" -c \
        'import sysconfig; print(sysconfig.get_config_var("CFLAGS") or "")')
    CFLAGS="$flags -g0 ${CFLAGS:-}" MMCV_WITH_OPS=1 pip install -v --no-build-isolation \
        -c "$constraints" "$@" "$mmcv"
}

plan "$replace" >/dev/null # holds the torch that was just installed
mmcv=$(grep -hoE '^(onedl-)?mmcv==\S+' "requirements/constraints_$stack.txt")
if ! has 'import mmcv.ops'; then
    if finds mmcv && [[ -z $own && -z $replace ]]; then
        die "the mmcv of $venv has no ops that work with its torch." \
            "--replace builds $mmcv in its place"
    fi
    # It may be another one than that which is there.
    sed -i -E '/^(onedl-)?mmcv==/d' "$constraints"
    step "$mmcv with its ops: built from source, 8 minutes on 2 cores, then \
kept in pip's cache" build_mmcv
    # pip's cache does not ask which torch a wheel was built for.
    has 'import mmcv.ops' ||
        step "$mmcv again, since the cached build is for another torch" \
            build_mmcv --no-cache-dir --force-reinstall --no-deps
    plan "$replace" >/dev/null # holds the new mmcv
fi

# --- Everything else ------------------------------------------------------
files=(-r "$requirements")
for name in runtime ${all_extras//,/ }; do files+=(-r "requirements/$name.txt"); done
step "the stack $stack${all_extras:+ and the extras $all_extras}" \
    pip install --no-build-isolation -c "$constraints" "${files[@]}"
# opencv-python needs libGL, which servers lack; the headless build of the
# same version has the same files without it.
if ! has 'import cv2'; then
    [[ -z $had_cv2 ]] ||
        die "the cv2 of $venv cannot be imported; $python -c 'import cv2'" \
            'says why. --replace takes a build without libGL'
    cv2=$("$python" -c 'import importlib.metadata as m
print(m.version("opencv-python"))')
    step "opencv $cv2 without libGL" pip install --force-reinstall --no-deps \
        "opencv-python-headless==$cv2"
fi
step 'mmxkd (editable)' pip install --no-build-isolation --no-deps -e .
no_new_complaint() {
    pip check >"$complaints.new" || true
    ! grep -vxFf "$complaints" "$complaints.new" | grep -v '^No broken'
}
step 'pip check' no_new_complaint
step 'import' "$python" -c 'import cv2, mmcv.ops, mmdet.models, mmxkd'
printf '%s\n' "$(fingerprint)" "$all_extras" >"$stamp"
say_what_is_there
echo "Installed in $((SECONDS / 60)) min $((SECONDS % 60)) s."
[[ -n ${VIRTUAL_ENV:-} ]] ||
    echo "To use it: source $(basename "$venv")/bin/activate"
