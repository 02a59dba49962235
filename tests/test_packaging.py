"""What pip installs, and what the installed package can do without."""
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from packaging.requirements import Requirement

from mmxkd.compat import stacks

IMPORT_NAMES = {
    'onedl-mmengine': 'mmengine', 'onedl-mmcv': 'mmcv',
    'onedl-mmdetection': 'mmdet'
}


def requirements_of(repo, name) -> list[Requirement]:
    """The lines of ``requirements/<name>.txt``, without what it includes."""
    lines = (repo / f'requirements/{name}.txt').read_text().splitlines()
    lines = [line.split('#')[0].strip() for line in lines]
    return [Requirement(line) for line in lines if line and line[:2] != '-c']


@pytest.fixture(scope='module')
def wheel(repo, tmp_path_factory) -> zipfile.ZipFile:
    """A wheel, built in a copy of the checkout."""
    root = tmp_path_factory.mktemp('wheel')
    shutil.copytree(
        repo, root / 'source', symlinks=True,
        ignore=shutil.ignore_patterns('.git', '.venv*', '.mim', '.*_cache',
                                      '__pycache__', 'build', 'data',
                                      'work_dirs', '*.egg-info'))
    subprocess.run([
        sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps',
        '--no-build-isolation', '--disable-pip-version-check', '-w', root,
        root / 'source'
    ], check=True, capture_output=True, timeout=300)
    return zipfile.ZipFile(next(root.glob('mmxkd-*.whl')))


def test_wheel_holds_the_package_with_configs_and_tools(wheel):
    names = wheel.namelist()
    for name in ('mmxkd/distillation/algorithm.py',
                 'mmxkd/.mim/configs/cmkd/fog_mse.py',
                 'mmxkd/.mim/configs/_base_/default_runtime.py',
                 'mmxkd/.mim/tools/train.py', 'mmxkd/.mim/tools/dist_train.sh',
                 'mmxkd/.mim/model-index.yml'):
        assert name in names
    assert any(name.endswith('/licenses/LICENSE') for name in names)


def test_wheel_installs_nothing_beside_the_package(wheel):
    tops = {name.split('/')[0] for name in wheel.namelist()}
    assert {t for t in tops if not t.endswith('.dist-info')} == {'mmxkd'}


def test_metadata(wheel):
    name = next(n for n in wheel.namelist() if n.endswith('/METADATA'))
    text = wheel.read(name).decode()
    assert '\nLicense-Expression: Apache-2.0\n' in text or (
        '\nLicense: Apache-2.0\n' in text)
    extras = re.findall(r'^Provides-Extra: (.+)$', text, re.M)
    assert sorted(extras) == [
        'all', 'compress', 'lint', 'mmdet3d', 'mmrazor', 'onedl', 'openmmlab',
        'safetensors', 'sound', 'tests', 'track'
    ]
    needed = re.findall(r'^Requires-Dist: ([\w-]+)[^;\n]*$', text, re.M)
    # Nothing that has the import name of the other stack's packages, or
    # writes over an opencv that is there.
    assert set(needed) == {'torch', 'numpy', 'tifffile', 'tqdm'}


@pytest.mark.parametrize('stack', stacks.BOTH)
def test_every_pinned_version_is_what_the_extras_allow(repo, stack):
    """A constraint outside of a requirement's range would never resolve."""
    pins = {
        line.name: str(line.specifier)[2:]
        for name in ('constraints', f'constraints_{stack}')
        for line in requirements_of(repo, name)
        if str(line.specifier).startswith('==')
    }
    assert len(pins) > 10
    for path in (repo / 'requirements').glob('*.txt'):
        if not path.name.startswith('constraints'):
            for line in requirements_of(repo, path.stem):
                pin = pins.get(line.name)
                assert pin is None or pin in line.specifier, line


@pytest.mark.parametrize('stack', stacks.BOTH)
def test_pinned_versions_are_of_their_stack(repo, stack):
    versions = {
        IMPORT_NAMES.get(line.name, line.name): str(line.specifier)[2:]
        for line in requirements_of(repo, f'constraints_{stack}')
    }
    three = {name: versions[name] for name in ('mmengine', 'mmcv', 'mmdet')}
    assert stacks.stack_of(three) == stack
    # The shared pins are not repeated, but included.
    text = (repo / f'requirements/constraints_{stack}.txt').read_text()
    assert '\n-c constraints.txt\n' in text


def test_import_needs_no_extra_and_loads_no_model(run_python):
    """mmdet3d, mmrazor, numba and nuscenes are for those who ask for them."""
    done = run_python(
        '-c', '''
import sys
for name in ("mmdet3d", "mmrazor", "numba", "nuscenes"):
    sys.modules[name] = None  # an import of it raises
import mmxkd, mmxkd.registry
loaded = [n for n in sys.modules if n.startswith(("mmdet", "mmcv."))
          and sys.modules[n] is not None]
assert not loaded, loaded
from mmxkd.registry import MODELS, DATASETS, HOOKS, TRANSFORMS
assert MODELS.get("mmxkd.CrossModalDistill").__name__ == "CrossModalDistill"
assert DATASETS.get("mmxkd.STFDataset")
assert HOOKS.get("mmxkd.StemInitHook")
assert TRANSFORMS.get("mmxkd.LoadGatedSlices")
''')
    assert done.returncode == 0


def test_version_is_in_the_changelog_and_the_citation(repo):
    from mmxkd import __version__
    assert f'## {__version__}' in (repo / 'CHANGELOG.md').read_text()
    assert f'\nversion: {__version__}\n' in (repo / 'CITATION.cff').read_text()


def test_model_index_names_every_config(repo):
    from mmengine.fileio import load
    named = set()
    for file in load(repo / 'model-index.yml')['Import']:
        meta = load(repo / file)
        collections = {c['Name']: c for c in meta['Collections']}
        for model in meta['Models']:
            readme = collections[model['In Collection']]['README']
            assert (repo / readme).is_file()
            named.add(model['Config'])
    assert named == {
        path.relative_to(repo).as_posix()
        for path in repo.glob('configs/*/*.py') if path.parts[-2] not in (
            '_base_', 'experiments') and not path.stem.endswith('_tiny')
    }
