"""What docs/add_a_modality.md shows works as it stands there."""
import importlib.util
import re
import sys

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmdet.registry import TRANSFORMS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.kitti.depth_maps import write_depth
from mmxkd.modalities import get_modality
from mmxkd.registry import MODELS
from mmxkd.visualization import depth_colours
from tests.helpers.modalities import more_modalities

# Twice what the page resizes to.
H, W = 768, 2560
BOX = [400., 200., 2200., 700.]


def sparse() -> np.ndarray:
    """One pixel in fifty, in 1/256 metre."""
    rng = np.random.default_rng(0)
    hits = rng.random((H, W)) < .02
    return np.where(hits, rng.integers(256, 200 * 256,
                                       (H, W)), 0).astype(np.float32) / 256


def halved(radar: np.ndarray) -> np.ndarray:
    """The smallest value of each 2x2 cell that is there."""
    cells = np.where(radar > 0, radar, np.inf).reshape(H // 2, 2, W // 2, 2)
    smallest = cells.min(axis=(1, 3))
    return np.where(np.isinf(smallest), 0, smallest)


@pytest.fixture
def page(repo, tmp_path, monkeypatch):
    """The config of a project with the page's files and a frame."""
    blocks = re.findall(r'^```python\n(.*?)^```$',
                        (repo / 'docs/add_a_modality.md').read_text(),
                        re.M | re.S)
    loader, pipeline, model, distilled, picture = blocks
    (tmp_path / 'my_radar.py').write_text(loader)
    (tmp_path / 'config.py').write_text(pipeline + model)
    (tmp_path / 'radar_distilled.py').write_text(distilled)
    (tmp_path / 'draw.py').write_text(picture)
    frame = tmp_path / 'data/training'
    (frame / 'image_2').mkdir(parents=True)
    assert cv2.imwrite(str(frame / 'image_2/000000.png'),
                       np.zeros((H, W, 3), np.uint8))
    write_depth(frame / 'radar/000000.png', sparse())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    init_default_scope('mmdet')
    with more_modalities():
        yield Config.fromfile('config.py')
    TRANSFORMS.module_dict.pop('LoadRadar')
    del sys.modules['my_radar']


def record() -> dict:
    """The frame as a data set gives it."""
    return dict(img_path='data/training/image_2/000000.png', img_id=0,
                instances=[dict(bbox=BOX, bbox_label=0, ignore_flag=0)])


def test_the_entry_is_in_the_table(page):
    radar = get_modality('radar')
    assert (radar.kind, radar.channels) == ('sparse', 1)


def test_radar_follows_the_image_into_the_stack(page):
    """Each transform of the page, against what it should do."""
    np.random.seed(1)
    transforms = Compose(page.train_pipeline).transforms
    load_image, load_radar, load_boxes, resize, flip, crop, pad, pack = (
        transforms)
    sample = load_radar(load_image(record()))
    assert sample['radar'].dtype == np.float32
    np.testing.assert_array_equal(sample['radar'], sparse())

    sample = resize(load_boxes(sample))
    np.testing.assert_array_equal(sample['radar'], halved(sparse()))

    flips = set()
    for _ in range(8):
        flipped = flip(dict(sample, gt_bboxes=sample['gt_bboxes'].clone()))
        flips.add(flipped['flip'])
        np.testing.assert_array_equal(
            flipped['radar'],
            sample['radar'][:, ::-1] if flipped['flip'] else sample['radar'])
    assert flips == {True, False}

    # An image of its own coordinates tells which window was drawn.
    coordinates = np.stack(np.indices((H // 2, W // 2)), axis=-1)
    corners = set()
    for _ in range(4):
        cropped = crop(
            dict(flipped, img=coordinates,
                 gt_bboxes=flipped['gt_bboxes'].clone()))
        y, x = cropped['img'][0, 0].tolist()
        corners.add((y, x))
        np.testing.assert_array_equal(cropped['radar'],
                                      flipped['radar'][y:y + 320, x:x + 960])
    assert len(corners) == 4

    padded = pad({
        **cropped, 'img': np.zeros((300, 960, 3), np.uint8),
        'radar': cropped['radar'][:300]
    })
    assert padded['radar'].shape == padded['img'].shape[:2] == (320, 960)
    np.testing.assert_array_equal(padded['radar'][:300],
                                  cropped['radar'][:300])
    assert not padded['radar'][300:].any()

    packed = pack(padded)
    radar = packed['inputs']['radar']
    assert radar.dtype == torch.float32
    np.testing.assert_array_equal(radar.numpy(), padded['radar'][None])

    view = MODELS.build(page.data_preprocessor)
    seen = view(
        dict(inputs={k: [v] for k, v in packed['inputs'].items()},
             data_samples=[packed['data_samples']]))['inputs']
    assert seen.shape == (1, 4, 320, 960)
    np.testing.assert_allclose(seen[0, 3],
                               (padded['radar'] * 255 / 200 - 20) / 50,
                               rtol=1e-5, atol=1e-5)


def test_whole_pipeline_at_once(page):
    np.random.seed(0)
    inputs = Compose(page.train_pipeline)(record())['inputs']
    assert {k: v.shape for k, v in inputs.items()
            } == {'img': (3, 320, 960), 'radar': (1, 320, 960)}


def test_map_of_another_size_is_refused(page):
    write_depth('data/training/radar/000000.png', sparse()[:, 2:])
    with pytest.raises(
            CorruptSampleError,
            match='radar: .*000000.png: is 2558x768, but img is '
            '2560x768'):
        Compose(page.train_pipeline)(record())


def test_stock_geometry_is_refused(page):
    pipeline = [
        dict(t, type=t['type'].replace('mmxkd.Resize', 'Resize'))
        for t in page.train_pipeline
        if t['type'] not in ('mmxkd.RandomCrop', 'mmxkd.Pad')
    ]
    with pytest.raises(ConfigError, match="img was resized.*'radar' was not"):
        Compose(pipeline)(record())


def test_picture(page, tmp_path):
    spec = importlib.util.spec_from_file_location('draw', 'draw.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    drawn = cv2.imread(str(tmp_path / 'radar.png'))[..., ::-1]
    np.testing.assert_array_equal(drawn, depth_colours(sparse()))
    assert drawn[sparse() > 0].any(axis=1).all()


def test_the_student_learns_from_the_radar_of_its_teacher(page):
    """And sees none: the batch is what the pipeline packs."""
    cfg = Config.fromfile('radar_distilled.py')
    cfg.model.teachers.radar.update(checkpoint=None, random=True)
    cfg.model.student.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    model.init_weights()
    np.random.seed(0)
    packed = Compose(page.train_pipeline)(record())
    radar = packed['inputs']['radar']
    losses = []
    for seen in (radar, torch.zeros_like(radar)):
        packed['inputs']['radar'] = seen
        batch = model.data_preprocessor(pseudo_collate([packed]), True)
        losses.append(
            float(model(**batch, mode='loss')['distill/loss_neck'].detach()))
    assert losses[0] != losses[1] and min(losses) > 0
