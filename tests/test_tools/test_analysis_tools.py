"""The report on the recovered gap, and the pictures beside it."""
import importlib.util
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmxkd.errors import ConfigError

SCORES = dict(teacher=10, baseline=4, mse=6, adv=8)
OBJECTS = 10


@pytest.fixture
def data(tmp_path) -> Path:
    """Ten frames of 64x48 with one object each, in the training layout."""
    root = tmp_path / 'data'
    (root / 'annotations').mkdir(parents=True)
    images, annotations = [], []
    for i in range(1, OBJECTS + 1):
        name = f'2020-01-01_00-00-00_{i:05d}'
        images.append(
            dict(id=i, file_name=f'images/{name}.png', width=64, height=48,
                 frame_id=name, weather='light_fog', daytime='day'))
        annotations.append(
            dict(id=i, image_id=i, category_id=1, iscrowd=0,
                 bbox=[10, 10, 12, 24], area=288))
        for folder in ('images', 'gated0', 'gated1', 'gated2'):
            (root / folder).mkdir(exist_ok=True)
            image = np.full((48, 64, 3)[:3 if folder == 'images' else 2], i,
                            np.uint8)
            cv2.imwrite(str(root / folder / f'{name}.png'), image)
    content = dict(images=images, annotations=annotations,
                   categories=[dict(id=1, name='pedestrian')])
    for split in ('val', 'test'):
        (root / f'annotations/{split}.json').write_text(json.dumps(content))
    return root


def write_runs(runs: Path, scores: dict, seeds: int = 1) -> None:
    """Perfect boxes for the first ``scores[model]`` of ten objects."""
    for seed in range(seeds):
        for model, number in scores.items():
            folder = runs / f'seed_{seed}' / model
            folder.mkdir(parents=True)
            found = [
                dict(image_id=i + 1, category_id=1, score=.9,
                     bbox=[10, 10, 12, 24]) for i in range(number + seed)
            ]
            for split in ('val', 'test'):
                (folder / f'{split}.bbox.json').write_text(json.dumps(found))


def load(repo: Path, name: str):
    """A tool as a module."""
    path = repo / f'tools/analysis_tools/{name}.py'
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def report(repo, data, tmp_path):
    tool = load(repo, 'gap_report')
    return lambda: tool.report(tmp_path / 'runs', data, list(SCORES))


@pytest.fixture
def compare(repo, data, tmp_path, monkeypatch):
    tool = load(repo, 'compare_detections')

    def run(*arguments):
        monkeypatch.setattr(
            'sys.argv',
            ['tool', str(data),
             str(tmp_path / 'out'), *arguments])
        tool.main()

    return run


def ap(found: int) -> float:
    """AP of perfect boxes for ``found`` of ten: recall points of 0.01."""
    return (found * 10 + 1) / 101 * 100 if found else 0.0


def test_report_is_exact(report, tmp_path):
    write_runs(tmp_path / 'runs', SCORES)
    text = report()
    content = json.loads((tmp_path / 'runs/gap_report.json').read_text())
    for model, number in SCORES.items():
        assert content['mAP'][model]['test']['0'] == pytest.approx(
            ap(number), abs=1e-9)
    # (ap(6) - ap(4)) / (ap(10) - ap(4)) = 20 / 60
    assert content['gap_recovered']['mse']['test']['0'] == pytest.approx(100
                                                                         / 3)
    assert content['gap_recovered']['adv']['val']['0'] == pytest.approx(200
                                                                        / 3)
    assert '| mse | 60.4 | 60.4 | 33 % | 33 % | 1 of 1 seeds |' in text
    assert (tmp_path / 'runs/gap_report.md').read_text() == text


def test_seeds_give_mean_and_deviation(report, tmp_path):
    write_runs(tmp_path / 'runs', dict(SCORES, teacher=8, mse=3), seeds=2)
    text = report()
    # 4 and 5 of ten found: 40.6 and 50.5
    assert '| baseline | 45.5 ± 7.0 |' in text
    # (3 - 4) / (8 - 4) = (4 - 5) / (9 - 5)
    assert '-25 % \\[-25, -25\\] | 0 of 2 seeds |' in text
    assert '2 seeds, mean ± s.d.' in text


def test_no_gap_is_said(report, tmp_path):
    write_runs(tmp_path / 'runs', dict(SCORES, teacher=4, baseline=4, adv=0))
    text = report()
    assert '| mse | 60.4 | 60.4 | no gap | no gap | 1 of 1 seeds |' in text
    assert '| adv | 0.0 | 0.0 |' in text  # nothing was detected at all


def test_missing_run_is_named(report, tmp_path):
    write_runs(tmp_path / 'runs', SCORES)
    missing = tmp_path / 'runs/seed_0/adv/test.bbox.json'
    missing.unlink()
    with pytest.raises(ConfigError, match=re.escape(str(missing))):
        report()
    assert not (tmp_path / 'runs/gap_report.md').exists()


def test_pictures_of_scenes_spread_over_the_split(compare, tmp_path):
    write_runs(tmp_path / 'runs', SCORES)
    file = tmp_path / 'runs/seed_0/mse/test.bbox.json'
    compare('--models', f'MSE={file}', '--number', '2', '--sees-gated', 'MSE')
    names = sorted(p.name for p in (tmp_path / 'out').iterdir())
    assert names == [
        '2020-01-01_00-00-00_00001.png', '2020-01-01_00-00-00_00010.png'
    ]
    assert cv2.imread(str(tmp_path / 'out' / names[0])).shape[1] == 1600


@pytest.mark.parametrize('arguments, message', [
    (['--frames', '2020-01-01_00-00-00_00099'
      ], "did you mean '2020-01-01_00-00-00_0000"),
    (['--sees-gated', 'mes'], "did you mean 'MSE'"),
    (['--models', 'MSE=nowhere.json'], 'with a file that exists'),
])
def test_wrong_names_are_refused(compare, tmp_path, arguments, message):
    write_runs(tmp_path / 'runs', SCORES)
    file = tmp_path / 'runs/seed_0/mse/test.bbox.json'
    with pytest.raises(ConfigError, match=message):
        compare('--models', f'MSE={file}', *arguments)
    assert not list(tmp_path.glob('out/*'))
