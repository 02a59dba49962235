"""What the documentation shows exists, parses and builds."""
import ast
import importlib
import importlib.util
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

import mmxkd.registry
from mmxkd.registry import MODELS
from tests.helpers.pages import (
    fenced,
    files_of,
    project_of,
    with_shipped_configs,
)
from tests.helpers.stacks import needs

REPO = Path(__file__).resolve().parents[1]
PAGES = sorted([
    REPO / 'README.md', REPO / 'CONTRIBUTING.md', *REPO.glob('docs/**/*.md'),
    *REPO.glob('configs/*/README.md')
])
# It also names what there was.
CHANGELOG = REPO / 'CHANGELOG.md'
REGISTRIES = [
    registry for registry in vars(mmxkd.registry).values()
    if getattr(registry, 'scope', None) == 'mmxkd'
]


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page (Path): Where it stands.
        text (str): Its content.
        file (str): The path that its first line gives it, if any.
    """
    page: Path
    text: str
    file: str = 'shown.py'


def blocks(language: str) -> list:
    """All fenced blocks of a language, by page and number."""
    found = []
    for page in PAGES:
        names = {text: name for name, text in files_of(page).items()}
        found += [
            pytest.param(Block(page, text, names.get(text, 'shown.py')),
                         id=f'{page.relative_to(REPO)}-{i}')
            for i, text in enumerate(fenced(page, language))
        ]
    return found


CONFIGS = [p for p in blocks('python') if 'model = dict' in p.values[0].text]


@pytest.mark.parametrize('block', blocks('python'))
def test_python_parses(block):
    ast.parse(block.text)


@pytest.mark.parametrize('block', CONFIGS)
def test_shown_configs_build(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "'mmrazor." in block.text:
        needs('mmrazor')
    with project_of(block.page, tmp_path):
        path = tmp_path / 'shown.py'
        path.write_text(with_shipped_configs(block.text, block.file))
        cfg = Config.fromfile(path)
        init_default_scope('mmdet')
        model = MODELS.build(cfg.model)
    assert all(not loss.startswith('teacher') for loss in model.state_dict())
    build_optim_wrapper(model, cfg.optim_wrapper)


def test_a_new_pair_takes_at_most_twelve_lines():
    """Beyond the student's config, its `_base_` line included."""
    readme = next(p for p in CONFIGS if p.id == 'README.md-0').values[0]
    assert len(readme.text.strip().splitlines()) <= 12


def test_readme_and_how_to_show_the_same_pair():
    first = {p.id: p.values[0].text for p in CONFIGS}
    assert first['README.md-0'] == first['docs/distil_your_own.md-0']


def test_shown_schedules_build():
    from mmxkd.schedules import build_schedule
    text = next(p.values[0].text for p in blocks('python')
                if p.values[0].text.startswith("dict(type='Constant'"))
    calls = ast.parse(text).body
    assert len(calls) == 4
    for call in calls:
        arguments = {
            k.arg: ast.literal_eval(k.value) for k in call.value.keywords
        }
        assert build_schedule(arguments, 'shown')


def test_shown_loss_is_right(tmp_path):
    """The custom loss of the documentation, on numbers made by hand."""
    import torch
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData
    sample = DetDataSample(metainfo=dict(batch_input_shape=(32, 64)))
    sample.gt_instances = InstanceData(
        bboxes=torch.tensor([[16., 8., 31., 15.]]))
    student, teacher = torch.zeros(1, 2, 4, 8), torch.zeros(1, 2, 4, 8)
    student[0, :, 1, 2:4] = 3.  # inside: columns 2 and 3 of row 1
    student[0, :, 0, 0] = 100.  # outside
    with project_of(REPO / 'docs/add_a_loss.md', tmp_path):
        module = importlib.import_module('box_feature_loss')
        loss = module.BoxFeatureLoss()(student, teacher, [sample])
    assert loss.item() == pytest.approx(9.)


def commands() -> list:
    """Each command line that is shown, continuation lines joined."""
    found = []
    for block in blocks('bash'):
        text = block.values[0].text.replace('\\\n', ' ')
        found += [
            pytest.param(line, id=line[:60]) for line in text.splitlines()
            if line.strip()
        ]
    return found


@pytest.mark.parametrize('line', commands())
def test_shown_commands_exist_with_their_options(line):
    words = shlex.split(line, comments=True)
    if words == ['pre-commit', 'install']:
        assert (REPO / '.pre-commit-config.yaml').is_file()
        return
    if words == ['source', '.venv/bin/activate']:
        # Where the script installs to, if nothing is active.
        assert '.venv' in (REPO / 'tools/install.sh').read_text()
        return
    if words[0] == 'export' or words[:3] == ['pip', 'install', '-e']:
        # In another project; test_add_to_your_project.py runs its commands.
        assert 'MMXKD' in line
        return
    assert words[0] in ('bash', 'python'), line
    words[1] = words[1].removeprefix('$MMXKD/')
    if words[:3] == ['python', '-m', 'pytest']:
        for word in words[3:]:
            assert not word.startswith('tests') or (REPO / word).exists()
        return
    if words[1] == '-m':
        words[1:3] = [words[2].replace('.', '/') + '.py']
    script = REPO / words[1]
    assert script.is_file(), words[1]
    known = script.read_text() + (REPO / 'mmxkd/engine/launch.py').read_text()
    if script.suffix == '.sh':
        known += (REPO / 'tools/train.py').read_text()
    for word in words[2:]:
        if word.startswith('--'):
            assert word in known, f'{words[1]} has no option {word}'
        if word.startswith('configs/'):
            assert (REPO / word).is_file(), word


@pytest.mark.parametrize('page', [*PAGES, CHANGELOG], ids=lambda p: p.name)
def test_links_and_paths_lead_somewhere(page):
    text = page.read_text()
    prose = re.sub(r'^```.*?^```$', '', text, flags=re.M | re.S)
    for target in re.findall(r'\]\(([^)\s]+)\)', prose):
        if '://' in target:
            continue
        path, _, anchor = target.partition('#')
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            titles = re.findall(r'^#+ (.+)$', file.read_text(), re.M)
            slugs = [
                re.sub(r'[^\w -]', '', t.lower()).replace(' ', '-')
                for t in titles
            ]
            assert anchor in slugs, target
    # What is shown as a text is an example.
    for path in re.findall(
            r'`((?:configs|tools|demo|docs|benchmarks|mmxkd|requirements|'
            r'tests)/[\w./*-]*)`',
            re.sub(r'^```text\n.*?^```$', '', text, flags=re.M | re.S)):
        assert list(REPO.glob(path.rstrip('/'))), path


def exists(name: str) -> bool:
    """Whether ``mmxkd.a.b`` is a module, a name in one, or a type."""
    module, rest = name, []
    while module:
        try:
            spec = importlib.util.find_spec(module)
        except ModuleNotFoundError:  # its parent is a name, not a module
            spec = None
        if spec is not None:
            break
        module, _, last = module.rpartition('.')
        rest.insert(0, last)
    value = importlib.import_module(module)
    for part in rest:
        if not hasattr(value, part):
            return name.count('.') == 1 and any(
                registry.get(name) is not None for registry in REGISTRIES)
        value = getattr(value, part)
    return True


def test_names_are_told_from_what_there_is_not():
    assert exists('mmxkd.losses.heads') and exists('mmxkd.losses.HeadLoss')
    assert exists('mmxkd.KittiMetric2D')
    assert not exists('mmxkd.distillation.heads')
    assert not exists('mmxkd.KittiMetric4D')


@pytest.mark.parametrize('page', PAGES, ids=lambda p: p.name)
def test_names_of_the_package_exist(page, tmp_path):
    """In the text, in imports and as ``type``."""
    names = set(re.findall(r'\bmmxkd(?:\.\w+)+', page.read_text()))
    # Its types are there once it is imported.
    if importlib.util.find_spec('mmdet3d'):
        importlib.import_module('mmxkd.mono3d')
    with project_of(page, tmp_path) as files:
        for name in files:
            if name.endswith('.py') and '/' not in name:
                text = files[name].read_text()
                if 'register_module' in text:
                    importlib.import_module(name.removesuffix('.py'))
        missing = {name for name in names if not exists(name)}
    assert not missing


@pytest.mark.parametrize('page', PAGES, ids=lambda p: p.name)
def test_what_is_imported_is_there(page):
    if importlib.util.find_spec('mmdet3d'):
        importlib.import_module('mmxkd.mono3d')
    for text in fenced(page):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node,
                          ast.ImportFrom) and node.module.startswith('mmxkd'):
                for name in node.names:
                    assert exists(f'{node.module}.{name.name}')


def test_the_changelog_says_where_names_went():
    rows = re.findall(r'^\| `(mmxkd[\w.]+)`.* \| `(mmxkd[\w.]+)`.* \|$',
                      CHANGELOG.read_text(), re.M)
    assert len(rows) > 8
    assert [old for old, _ in rows if exists(old)] == []
    assert [new for _, new in rows if not exists(new)] == []


def test_the_index_lists_all_pages():
    docs = REPO / 'docs'
    listed = re.findall(r'^\| \[[^]]+\]\(([^)]+)\)',
                        (docs / 'index.md').read_text(), re.M)
    assert len(listed) == len(set(listed))
    pages = {path.relative_to(docs).as_posix()
             for path in docs.glob('*.md')} - {'index.md'}
    assert pages | {'../README.md', '../CONTRIBUTING.md', 'losses/index.md'
                    } == set(listed)
    losses = (docs / 'losses/index.md').read_text()
    for path in docs.glob('losses/*.md'):
        assert path.stem == 'index' or f']({path.name})' in losses, path
