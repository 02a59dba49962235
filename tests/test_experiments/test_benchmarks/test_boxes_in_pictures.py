"""Scores of COCO results by the rules of three benchmarks."""
import numpy as np
import pytest
import torch
from pycocotools.coco import COCO

from mmxkd.experiments.benchmarks import BENCHMARKS
from mmxkd.formats.kitti.label_files import read_labels
from tests.helpers.kitti_tree import write_kitti


def coco_of(images, annotations, names):
    found = COCO()
    found.dataset = dict(
        images=images, annotations=annotations, categories=[
            dict(id=i, name=name) for i, name in enumerate(names, start=1)
        ])
    found.createIndex()
    return found


def box(number, image, category, x, crowd=0, **more):
    return dict(id=number, image_id=image, category_id=category,
                bbox=[x, 10, 30, 30], area=900, iscrowd=crowd, **more)


@pytest.fixture
def truth():
    images = [
        dict(id=i, file_name=f'{i}.png', width=200, height=90) for i in (1, 2)
    ]
    return coco_of(images, [
        box(1, 1, 1, 0),
        box(2, 1, 1, 50, crowd=1),
        box(3, 2, 1, 0),
        box(4, 2, 2, 100)
    ], ['a', 'b'])


def test_voc_by_hand(truth, tmp_path):
    """Class a: hit, difficult, false, of two objects; class b: missed."""
    found = [
        box(0, 1, 1, 0, score=.9),
        box(0, 1, 1, 50, score=.8),
        box(0, 2, 1, 150, score=.7)
    ]
    # Precision 1 up to recall .5: 6 of 11 points; class b has 0.
    assert BENCHMARKS['voc_boxes'].ap(truth, found, tmp_path) == pytest.approx(
        100 * 6 / 11 / 2)
    assert BENCHMARKS['voc_boxes'].ap(truth, [], tmp_path) == 0
    assert BENCHMARKS['coco_boxes'].ap(truth, [], tmp_path) == 0


def test_coco_of_perfect_detections(truth, tmp_path):
    found = [
        dict(a, score=.9) for a in truth.anns.values() if not a['iscrowd']
    ]
    assert BENCHMARKS['coco_boxes'].ap(truth, found,
                                       tmp_path) == pytest.approx(100)


def test_kitti_is_the_mean_of_nine(tmp_path):
    """Against the metric of the package, which reads the labels itself."""
    from mmxkd.registry import METRICS as REGISTRY
    root = write_kitti(tmp_path / 'kitti')
    names = ['Car', 'Pedestrian', 'Cyclist']
    folder = root / 'training/label_2'
    ids = sorted(p.stem for p in folder.glob('*.txt'))
    labels = read_labels(folder, ids)
    images = [
        dict(id=i, file_name=f'training/image_2/{name}.png', width=320,
             height=96) for i, name in enumerate(ids)
    ]
    found, samples = [], []
    for i in range(len(ids)):
        rows = [
            k for k in np.flatnonzero(labels.frame == i)
            if labels.name[k] in names
        ]
        corners = labels.bbox[rows] + 1
        found += [
            dict(image_id=i, category_id=names.index(labels.name[k]) + 1,
                 bbox=[*c[:2], *(c[2:] - c[:2])], score=.5 + .01 * k)
            for k, c in zip(rows, corners, strict=True)
        ]
        samples.append(
            dict(
                img_path=f'{ids[i]}.png', ori_shape=(96, 320),
                pred_instances=dict(
                    bboxes=torch.from_numpy(corners),
                    scores=torch.tensor([.5 + .01 * k for k in rows]).double(),
                    labels=torch.tensor(
                        [names.index(labels.name[k]) for k in rows],
                        dtype=torch.long))))
    assert found
    metric = REGISTRY.build(
        dict(type='mmxkd.KittiMetric2D', label_dir=str(folder)))
    metric.dataset_meta = dict(classes=tuple(names))
    metric.process({}, samples)
    scalars = metric.evaluate(len(ids))
    nine = [
        value for key, value in scalars.items()
        if '_AP11_' in key and 'Overall' not in key
    ]
    assert len(nine) == 9
    own = BENCHMARKS['kitti_boxes'].ap(coco_of(images, [], names), found, root)
    assert own == pytest.approx(np.mean(nine)) and own > 0
