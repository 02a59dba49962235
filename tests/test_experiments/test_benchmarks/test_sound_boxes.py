"""AP50 by sound, by day and by night, against an independent count."""
import json

import numpy as np
import pytest
from mmengine.config import Config
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmxkd.experiments.benchmarks import BENCHMARKS
from mmxkd.experiments.benchmarks.coco_boxes import average_precision

FRAMES = 12


@pytest.fixture
def sound():
    return BENCHMARKS['sound_boxes']


def write(root, seed=0):
    """Boxes by day and by night, and detections, some of them right.

    At night more are missed; every fourth frame is empty.
    """
    draw = np.random.default_rng(seed)
    images, boxes, found = [], [], []
    for i in range(FRAMES):
        night = i % 2
        images.append(
            dict(id=i, file_name=f'{i}.jpg', width=320, height=128,
                 lighting='night' if night else 'day'))
        for _ in range(0 if i % 4 == 3 else draw.integers(1, 5)):
            x, y, w, h = (float(v)
                          for v in draw.uniform((0, 0, 20, 15), (250, 90, 70,
                                                                 38)))
            boxes.append(
                dict(id=len(boxes) + 1, image_id=i, category_id=1,
                     bbox=[x, y, w, h], area=w * h, iscrowd=0))
            if draw.random() < (.3 if night else .8):
                shift = draw.uniform(-.25, .25, 2) * (w, h)
                found.append(
                    dict(image_id=i, category_id=1,
                         bbox=[x + shift[0], y + shift[1], w, h],
                         score=float(draw.random())))
        found.append(
            dict(image_id=i, category_id=1, bbox=[5., 5., 30., 20.],
                 score=float(draw.random())))
    folder = root / 'annotations'
    folder.mkdir(parents=True)
    path = folder / 'test_truth.json'
    path.write_text(
        json.dumps(
            dict(images=images, annotations=boxes,
                 categories=[dict(id=1, name='car')])))
    (root / 'found.json').write_text(json.dumps(found))
    return path, root / 'found.json'


def overlap(one, two) -> float:
    """Of two boxes x, y, w, h."""
    sides = [
        min(one[k] + one[k + 2], two[k] + two[k + 2]) - max(one[k], two[k])
        for k in (0, 1)
    ]
    inside = max(sides[0], 0) * max(sides[1], 0)
    return inside / (one[2] * one[3] + two[2] * two[3] - inside)


def counted(truth, found, frames) -> float:
    """AP50 in %, with nothing of pycocotools: the mean of 101 precisions.

    By falling score, each detection takes the best free box that it overlaps
    by half.
    """
    boxes = [b for b in truth['annotations'] if b['image_id'] in frames]
    free = {b['id'] for b in boxes}
    right = []
    for d in sorted((d for d in found if d['image_id'] in frames),
                    key=lambda d: -d['score']):
        best = max((b for b in boxes
                    if b['id'] in free and b['image_id'] == d['image_id']),
                   key=lambda b: overlap(b['bbox'], d['bbox']), default=None)
        hit = best is not None and overlap(best['bbox'], d['bbox']) >= .5
        if hit:
            free.remove(best['id'])
        right.append(hit)
    hits = np.cumsum(right)
    recall, precision = hits / len(boxes), hits / np.arange(1, len(right) + 1)
    return 100 * np.mean([
        max(precision[recall >= level], default=0)
        for level in np.linspace(0, 1, 101)
    ])


@pytest.mark.parametrize('seed', range(3))
def test_by_day_by_night_and_all(sound, tmp_path, seed):
    path, found = write(tmp_path, seed)
    (columns, ) = sound.scores(path, 'test', [found])
    truth, boxes = (json.loads(p.read_text()) for p in (path, found))
    expected = {
        name: counted(
            truth, boxes,
            {i['id'] for i in truth['images'] if part in ('', i['lighting'])})
        for name, part in (('test day', 'day'), ('test night', 'night'),
                           ('test', ''))
    }
    assert columns == pytest.approx(expected, rel=1e-9)
    assert columns['test night'] < columns['test'] < columns['test day']
    # The last one is what an experiment compares.
    assert list(columns) == ['test day', 'test night', 'test']


def test_each_of_several_runs(sound, tmp_path):
    path, found = write(tmp_path)
    nothing = tmp_path / 'nothing.json'
    nothing.write_text('[]')
    perfect = tmp_path / 'perfect.json'
    truth = json.loads(path.read_text())
    perfect.write_text(
        json.dumps([dict(b, score=.5) for b in truth['annotations']]))
    best, some, none = sound.scores(path, 'val', [perfect, found, nothing])
    assert best == pytest.approx(
        dict.fromkeys(('val day', 'val night', 'val'), 100))
    assert none == dict.fromkeys(('val day', 'val night', 'val'), 0)
    assert 0 < some['val'] < 100


def test_detections_at_night_alone(sound, tmp_path):
    path, _ = write(tmp_path)
    truth = json.loads(path.read_text())
    dark = {i['id'] for i in truth['images'] if i['lighting'] == 'night'}
    found = tmp_path / 'dark.json'
    found.write_text(
        json.dumps([
            dict(b, score=.5) for b in truth['annotations']
            if b['image_id'] in dark
        ]))
    (columns, ) = sound.scores(path, 'test', [found])
    assert columns['test day'] == 0
    assert columns['test night'] == pytest.approx(100)
    assert 0 < columns['test'] < 100


@pytest.mark.parametrize('seed', range(3))
def test_the_mean_over_overlaps_is_what_coco_prints(tmp_path, seed, capsys):
    path, found = write(tmp_path, seed)
    truth, boxes = COCO(path), json.loads(found.read_text())
    evaluation = COCOeval(truth, truth.loadRes(boxes), 'bbox')
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    capsys.readouterr()
    assert average_precision(truth,
                             boxes) == pytest.approx(100 * evaluation.stats[0],
                                                     rel=1e-12)
    # stats[1] is AP50.
    assert average_precision(truth, boxes, overlap=.5) == pytest.approx(
        100 * evaluation.stats[1], rel=1e-12)
    assert capsys.readouterr().out == ''


def test_frames_in_which_there_is_nothing(tmp_path):
    """-1 of COCO, as before: there is no precision."""
    path, found = write(tmp_path)
    truth, boxes = COCO(path), json.loads(found.read_text())
    assert average_precision(truth, boxes, overlap=.5, images=[3, 7]) == -100


def test_where_files_lie(sound, tmp_path):
    assert [sound.annotations(s) for s in ('train', 'val', 'test')] == [
        'annotations/train.json', 'annotations/val_truth.json',
        'annotations/test_truth.json'
    ]
    assert sound.detections(tmp_path, 'test') == (tmp_path / 'test.bbox.json')


@pytest.mark.parametrize('name', [
    'sound_tiny', 'mm_distillnet_tiny', 'stereosoundnet_tiny', 'boxes_tiny',
    'teacher_rgb_tiny', 'teacher_thermal_tiny', 'teacher_depth_tiny'
])
def test_options_reach_what_reads_a_file(sound, repo, tmp_path, name):
    """Each entry with a file gets the new one, and no other entry does."""
    cfg = Config.fromfile(repo / f'configs/mm_distillnet/{name}.py')
    before = [dict(e) for e in cfg.test_evaluator]
    new = tmp_path / 'val_truth.json'
    options = dict(o.split('=', 1) for o in sound.test_options(new))
    cfg.merge_from_dict(options)
    assert [e.type for e in cfg.test_evaluator] == [
        'mmxkd.SoundDetectionMetric', 'CocoMetric', 'mmxkd.DriveTrackMetric'
    ]
    for old, entry in zip(before, cfg.test_evaluator, strict=True):
        if 'ann_file' in old:
            assert entry == dict(old, ann_file=str(new))
        else:
            assert entry == old
    assert sum('ann_file' in e for e in before) == len(options)
