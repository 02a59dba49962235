"""The synthetic streets through converter, depth maps, data set, metric."""
from dataclasses import fields, replace

import numpy as np
import pytest

from mmxkd.datasets import KittiDataset
from mmxkd.datasets.convert.kitti import convert
from mmxkd.evaluation.functional.kitti import evaluate
from mmxkd.formats.kitti import read_labels
from mmxkd.formats.kitti.depth_maps import read_depth
from mmxkd.synthetic import (
    KittiSettings,
    kitti_camera,
    rasterize,
    sample_kitti_scene,
    write_kitti_dataset,
)


@pytest.fixture(scope='module')
def converted(tmp_path_factory):
    root = tmp_path_factory.mktemp('kitti')
    settings = KittiSettings(train=20, val=4, test=1, scale=.5,
                             azimuth_step=.34)
    splits = write_kitti_dataset(root, settings)
    return root, splits, convert(root, splits, depth=True)


def test_the_converter_takes_every_frame(converted):
    root, splits, infos = converted
    assert {split: len(info['data_list']) for split, info in infos.items()
            } == {'train': 20, 'val': 4, 'trainval': 24, 'test': 1}
    labels = read_labels(root / 'training/label_2', splits['val'])
    written = sum(
        len(frame['instances']) for frame in infos['val']['data_list'])
    assert written == len(labels) > 20


def test_depth_maps_are_those_of_the_picture(converted):
    root, _, _ = converted
    for index in (0, 21):
        depth = read_depth(root / f'training/depth_2/{index:06d}.png')
        seen = rasterize(sample_kitti_scene(0, index), kitti_camera(.5)).depth
        there = depth > 0
        assert depth.shape == (188, 621) and there.mean() > .06
        off = np.abs(depth - seen)[there]
        # Edges, and the middle depth that small parts have in the picture.
        assert np.mean(off < .02 * seen[there] + .3) > .94


def test_the_data_set_reads_it(converted):
    root, _, _ = converted
    data = KittiDataset(data_root=str(root), pipeline=[],
                        ann_file='kitti_infos_val.json')
    assert len(data) == 4
    plain = KittiDataset(data_root=str(root), split='val', pipeline=[])
    for number in range(4):
        found, expected = (sorted(
            tuple(box['bbox']) for box in d[number]['instances'])
                           for d in (data, plain))
        assert found == expected != []


def test_the_truth_finds_itself(converted):
    root, _, _ = converted
    truth = read_labels(root / 'training/label_2')
    kept = truth.name != 'DontCare'
    columns = {
        field.name: getattr(truth, field.name)[kept] for field in fields(truth)
        if field.name not in ('frame_ids', 'score')
    }
    found = replace(truth, **columns, score=np.linspace(1, .1, kept.sum()))
    scalars = evaluate(truth, found).scalars()
    # With fewer than 41 objects a perfect detector has an AP below 100.
    assert scalars['n_gt_Car_hard'] >= 41
    for metric in ('bbox', 'bev', '3d'):
        assert scalars[f'Car_{metric}_AP40_hard_strict'] == pytest.approx(100)
