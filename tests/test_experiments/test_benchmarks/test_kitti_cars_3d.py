"""Scores of detections: COCO's boxes, and KITTI's cars in 3-D."""
from dataclasses import replace

import pytest

from mmxkd.evaluation.functional.kitti import evaluate
from mmxkd.experiments.benchmarks import BENCHMARKS
from mmxkd.experiments.scores import read_scores
from mmxkd.experiments.summary import summarise
from mmxkd.experiments.tables import head_and_rows, notes
from mmxkd.formats.kitti import write_results
from tests.helpers.kitti_scenes import scene, write_infos

KITTI = BENCHMARKS['kitti_cars_3d']


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    """Detections of two arms; those of one are 1 m too near."""
    root = tmp_path_factory.mktemp('runs')
    labels, detections = scene()
    write_infos(root / 'kitti_infos_val.json', labels)
    near = replace(detections, location=detections.location - [0., 0., 1.])
    for arm, found in (('good', detections), ('near', near)):
        folder = KITTI.detections(root / 'seed_0' / arm, 'val')
        part = root / f'{arm}.part'
        write_results(part / 'data', found)
        folder.parent.mkdir(parents=True)
        KITTI.collect(part, folder)
        assert not part.exists()
    return root, labels, dict(good=detections, near=near)


def test_kitti_scores_are_those_of_the_evaluator(runs):
    root, labels, detections = runs
    table = read_scores(root, root, ['good', 'near'], [0], ['val'], KITTI)
    for arm, found in detections.items():
        values = evaluate(labels, found, classes=('Car', ), metrics=('3d', ),
                          overlaps=('loose', 'strict')).scalars()
        # The last column is the one that counts.
        assert list(table[arm]) == ['val loose', 'val strict']
        for kind in ('loose', 'strict'):
            assert table[arm][f'val {kind}'][0] == values[
                f'Car_3d_AP40_moderate_{kind}']
    assert table['good']['val strict'][0] > table['near']['val strict'][0]


def test_the_report_says_what_the_score_is(runs):
    root, *_ = runs
    table = read_scores(root, root, ['good', 'near'], [0], ['val'], KITTI)
    summary = replace(summarise(table, ['good'], ['near']), score=KITTI.score,
                      unit=KITTI.unit)
    assert head_and_rows(summary)[0][:3] == [
        'model', 'val loose AP', 'val strict AP'
    ]
    assert 'AP40 moderate' in notes(summary)[0]


def test_what_a_run_keeps(tmp_path):
    coco = BENCHMARKS['coco_boxes']
    assert coco.detections(tmp_path, 'val').name == 'val.bbox.json'
    assert coco.annotations('val') == 'annotations/val.json'
    assert KITTI.annotations('val') == 'kitti_infos_val.json'
