"""What the documentation shows exists, parses and builds."""
import ast
import importlib.util
import re
import shlex
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from mmxkd.registry import MODELS

REPO = Path(__file__).resolve().parents[1]
PAGES = sorted([REPO / 'README.md', *REPO.glob('docs/**/*.md'),
                *REPO.glob('configs/*/README.md')])


def blocks(language: str) -> list:
    """All fenced blocks of a language, by page and number."""
    found = []
    for page in PAGES:
        name = page.relative_to(REPO)
        texts = re.findall(rf'^```{language}\n(.*?)^```$', page.read_text(),
                           re.M | re.S)
        found += [pytest.param(text, id=f'{name}-{i}')
                  for i, text in enumerate(texts)]
    return found


CONFIGS = [p for p in blocks('python') if 'model = dict' in p.values[0]]


@pytest.mark.parametrize('text', blocks('python'))
def test_python_parses(text):
    ast.parse(text)


@pytest.mark.parametrize('text', CONFIGS)
def test_shown_configs_build(text, tmp_path):
    path = tmp_path / 'shown.py'
    path.write_text(text.replace("'configs/", f"'{REPO}/configs/"))
    cfg = Config.fromfile(path)
    init_default_scope('mmdet')
    model = MODELS.build(cfg.model)
    assert all(not loss.startswith('teacher') for loss in model.state_dict())
    build_optim_wrapper(model, cfg.optim_wrapper)


def test_a_new_pair_takes_at_most_twelve_lines():
    """Beyond the student's config, its `_base_` line included."""
    readme = next(p for p in CONFIGS if p.id == 'README.md-0').values[0]
    assert len(readme.strip().splitlines()) <= 12


def test_shown_schedules_build():
    from mmxkd.schedules import build_schedule
    text = next(p.values[0] for p in blocks('python')
                if p.values[0].startswith("dict(type='Constant'"))
    calls = ast.parse(text).body
    assert len(calls) == 4
    for call in calls:
        arguments = {k.arg: ast.literal_eval(k.value)
                     for k in call.value.keywords}
        assert build_schedule(arguments, 'shown')


def test_shown_loss_is_right(tmp_path):
    """The custom loss of the documentation, on numbers made by hand."""
    import torch
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData
    text = next(p.values[0] for p in blocks('python')
                if 'class BoxFeatureLoss' in p.values[0])
    path = tmp_path / 'shown_loss.py'
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sample = DetDataSample(metainfo=dict(batch_input_shape=(32, 64)))
    sample.gt_instances = InstanceData(
        bboxes=torch.tensor([[16., 8., 31., 15.]]))
    student, teacher = torch.zeros(1, 2, 4, 8), torch.zeros(1, 2, 4, 8)
    student[0, :, 1, 2:4] = 3.  # inside: columns 2 and 3 of row 1
    student[0, :, 0, 0] = 100.  # outside
    loss = module.BoxFeatureLoss()(student, teacher, [sample])
    assert loss.item() == pytest.approx(9.)


def commands() -> list:
    """Each command line that is shown, continuation lines joined."""
    found = []
    for block in blocks('bash'):
        text = block.values[0].replace('\\\n', ' ')
        found += [pytest.param(line, id=line[:60])
                  for line in text.splitlines() if line.strip()]
    return found


@pytest.mark.parametrize('line', commands())
def test_shown_commands_exist_with_their_options(line):
    words = shlex.split(line, comments=True)
    assert words[0] in ('bash', 'python'), line
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


@pytest.mark.parametrize('page', PAGES, ids=lambda p: p.name)
def test_links_and_paths_lead_somewhere(page):
    text = page.read_text()
    for target in re.findall(r'\]\(([^)\s]+)\)', text):
        if '://' in target:
            continue
        path, _, anchor = target.partition('#')
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            titles = re.findall(r'^#+ (.+)$', file.read_text(), re.M)
            slugs = [re.sub(r'[^\w -]', '', t.lower()).replace(' ', '-')
                     for t in titles]
            assert anchor in slugs, target
    for path in re.findall(
            r'`((?:configs|tools|demo|docs|benchmarks|mmxkd|requirements)/'
            r'[\w./*-]*)`', text):
        assert list(REPO.glob(path.rstrip('/'))), path
