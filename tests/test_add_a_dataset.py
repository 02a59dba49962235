"""The dataset of docs/add_a_dataset.md, on two drawn frames."""
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmxkd.errors import CorruptSampleError
from mmxkd.formats.kitti.depth_maps import write_depth
from mmxkd.registry import DATASETS
from tests.helpers.pages import package_mentions, project_of

# Twice what the page resizes to.
H, W = 480, 640
BOXES = [[100., 60., 80., 200.], [320., 0., 320., 480.]]  # x, y, w, h


def metres(i) -> np.ndarray:
    """Holes but for a block that lies on the 2 × 2 cells of the resize."""
    depth = np.zeros((H, W), np.float32)
    depth[100:140, 40:80] = i + 2.5
    return depth


def colours(i) -> np.ndarray:
    image = np.full((H, W, 3), 10 * i, np.uint8)
    image[:, :W // 2] = 200
    return image


@pytest.fixture
def project(repo, tmp_path, monkeypatch):
    data = tmp_path / 'data/office'
    (data / 'rgb').mkdir(parents=True)
    for i in range(2):
        assert cv2.imwrite(str(data / f'rgb/{i}.png'), colours(i))
        write_depth(data / f'depth/{i}.png', metres(i))
    (data / 'train.json').write_text(
        json.dumps(
            dict(
                images=[
                    dict(id=i, file_name=f'{i}.png', height=H, width=W)
                    for i in range(2)
                ],
                categories=[dict(id=3, name='chair'),
                            dict(id=7, name='desk')], annotations=[
                                dict(id=i, image_id=i, category_id=(3, 7)[i],
                                     bbox=box, area=box[2] * box[3], iscrowd=0)
                                for i, box in enumerate(BOXES)
                            ])))
    monkeypatch.chdir(tmp_path)
    assert DATASETS.get('mmxkd.OfficeDataset') is None
    with project_of(repo / 'docs/add_a_dataset.md', tmp_path) as files:
        init_default_scope('mmdet')
        yield Config.fromfile(files['office.py'])


def test_the_package_does_not_know_it(project):
    assert package_mentions('OfficeDataset') == []
    assert package_mentions('StrictSamplesMixin')
    kind = DATASETS.get('mmxkd.OfficeDataset')
    assert kind.__module__ == 'office_dataset'


def test_both_modalities_and_the_boxes_of_each_frame(project):
    """In a loader, over enough epochs to see both flips."""
    np.random.seed(0)
    loader = Runner.build_dataloader(project.train_dataloader, seed=0)
    flips = set()
    for _ in range(6):
        batches = list(loader)
        assert len(batches) == 1
        inputs, samples = batches[0]['inputs'], batches[0]['data_samples']
        assert sorted(inputs) == ['depth', 'img']
        for i, sample in enumerate(samples):
            flip = sample.flip
            flips.add(flip)
            image = colours(i)[::2, ::2]
            depth = metres(i)[::2, ::2]
            x, y, w, h = (v / 2 for v in BOXES[i])
            if flip:
                image, depth, x = image[:, ::-1], depth[:, ::-1], 320 - x - w
            # Interpolation blends where the halves meet.
            assert (inputs['img'][i].numpy()[:, :, [0, -1]] == image.transpose(
                2, 0, 1)[:, :, [0, -1]]).all()
            assert inputs['depth'][i].dtype == torch.float32
            np.testing.assert_array_equal(inputs['depth'][i][0], depth)
            assert sample.gt_instances.bboxes.tensor.tolist() == [
                pytest.approx([x, y, x + w, y + h])
            ]
            assert sample.gt_instances.labels.tolist() == [i]
    assert flips == {True, False}


def test_a_missing_map_is_named(project):
    cfg = project.train_dataloader.dataset
    Path(cfg.data_root, 'depth/1.png').unlink()
    with pytest.raises(CorruptSampleError,
                       match='depth: .*depth/1.png: there is no such file'):
        DATASETS.build(cfg)


def test_no_other_sample_takes_the_place_of_one_that_is_dropped(project):
    cfg = project.train_dataloader.dataset
    cfg.pipeline.insert(3, dict(type='mmxkd.RandomCrop', crop_size=(20, 20)))
    np.random.seed(0)
    dataset = DATASETS.build(cfg)
    with pytest.raises(
            CorruptSampleError, match='rgb/0.png: a transform of '
            'the pipeline returned None'):
        for _ in range(30):
            dataset[0]


def test_classes_are_chosen_by_name(project):
    """Whatever their ids in the file."""
    dataset = DATASETS.build(project.train_dataloader.dataset)
    assert [
        dataset.get_data_info(i)['instances'][0]['bbox_label']
        for i in range(2)
    ] == [0, 1]
