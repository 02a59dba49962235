import hashlib
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmxkd.datasets.convert.stf import ConvertSettings, convert
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.stf.labels import read_labels
from mmxkd.formats.stf.layout import StfLayout
from mmxkd.io.images import encode_image, read_image
from mmxkd.synthetic import (
    SceneDifficulty,
    SyntheticSettings,
    canvas_camera,
    rasterize,
    sample_scene,
    write_dataset,
)
from mmxkd.synthetic.sensors.rgb import apply_fog, expose, lit_radiance

REAL_FRAME = '2018-02-06_14-25-51_00400'
SCALE = 0.125
# No air, no noise: what is left is geometry.
CLEAN = SceneDifficulty(weather_mix={'clear': 1.0}, night_share=0.0,
                        rgb_full_well=1e9, rgb_read_noise=0.0)


@pytest.fixture(scope='module')
def published(tmp_path_factory):
    root = tmp_path_factory.mktemp('published')
    write_dataset(
        root,
        SyntheticSettings(frames=4, seed=3, scale=SCALE, split=(.5, .25, .25),
                          difficulty=CLEAN))
    return root


@pytest.fixture
def source(published, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(published, tmp_path / 'source')


def _run(root, out, num_workers=0, gated='rect8', **options):
    layout = StfLayout(root, gated, options.get('frame', 'gated'))
    frames = {
        s: layout.find(layout.split_ids(s)) for s in ('train', 'val', 'test')
    }
    settings = ConvertSettings(str(root), layout.gated_source, **options)
    return convert(frames, out, settings, num_workers)


def _tree(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(Path(root).rglob('*')) if path.is_file()
    }


def test_training_layout_and_manifest(published, tmp_path):
    _run(published, tmp_path)
    names = [p.stem for p in sorted((tmp_path / 'images').iterdir())]
    assert names == [f'2020-01-01_00-00-00_{30 * k:05d}' for k in range(4)]
    for folder in ('images', 'gated0', 'gated1', 'gated2', 'gated_labels'):
        assert len(list((tmp_path / folder).iterdir())) == 4
    assert (tmp_path / 'splits/train.txt').read_text().split() == names[:2]
    manifest = json.loads((tmp_path / 'manifest.json').read_text())
    assert manifest['settings']['frame'] == 'gated'
    assert len(manifest['files']) == 20
    name = f'gated1/{names[0]}.png'
    data = (tmp_path / name).read_bytes()
    assert manifest['files'][name] == {
        'size': len(data), 'sha256': hashlib.sha256(data).hexdigest(),
        'dtype': 'uint8', 'shape': [96, 160]
    }


def test_boxes_of_the_gated_frame_are_stretched_in_y(published, tmp_path):
    content = _run(published, tmp_path)['train']
    image = content['images'][0]
    assert (image['width'], image['height']) == (160, 96)
    assert (image['weather'], image['daytime']) == ('clear', 'day')
    labels = read_labels(published / 'gt_labels/gated_labels_TMP'
                         / f'{image["frame_id"]}.txt')
    expected = [
        label.box for label in labels if label.base_name == 'Pedestrian'
    ]
    found = [a['bbox'] for a in content['annotations'] if a['image_id'] == 1]
    assert len(found) == len(expected) > 0
    for (x, y, w, h), (x1, y1, x2, y2) in zip(found, expected, strict=True):
        assert (x, y) == pytest.approx((x1, y1 * 768 / 720), abs=1e-3)
        assert (w, h) == pytest.approx((x2 - x1, (y2 - y1) * 768 / 720),
                                       abs=1e-3)


def test_boxes_of_the_rgb_frame_are_shifted_by_the_crop(published, tmp_path):
    content = _run(published, tmp_path, frame='rgb')['train']
    labels = read_labels(published / 'gt_labels/cam_left_labels_TMP'
                         / f'{content["images"][0]["frame_id"]}.txt')
    boxes = [label.box for label in labels if label.base_name == 'Pedestrian']
    inside = [
        b for b in boxes if b[0] > 280 * SCALE and b[1] > 202
        * SCALE and b[2] < 1560 * SCALE and b[3] < 970 * SCALE
    ]
    found = [
        a['bbox'][:2] for a in content['annotations'] if a['image_id'] == 1
    ]
    assert inside
    for x1, y1, *_ in inside:
        assert any(
            np.allclose(xy, (x1 - 280 * SCALE, y1 - 202 * SCALE), atol=1e-3)
            for xy in found)


def test_rgb_lies_on_the_gated_frame(published, tmp_path):
    # The same scene, drawn straight into the gated frame, no homography.
    _run(published, tmp_path)
    camera = canvas_camera(SCALE)
    left, top = camera.offset
    for index in range(3):
        scene = sample_scene(3, index, CLEAN)
        air = scene.atmosphere
        surfaces = rasterize(scene, camera)
        radiance = apply_fog(lit_radiance(surfaces, camera, air),
                             surfaces.depth, air.beta, air.airlight)
        image = expose(radiance, scene.rng(2), 'day', CLEAN)
        image = image[top:top + 90, left:left + 160]
        expected = cv2.resize(image, (160, 96)).mean(2)
        found = read_image(
            tmp_path / f'images/2020-01-01_00-00-00_{30 * index:05d}.png',
            'RGB').mean(2)
        assert np.abs(found - expected).mean() < 4
        window = cv2.createHanningWindow((160, 96), cv2.CV_64F)
        shift, _ = cv2.phaseCorrelate(found, expected, window)
        assert np.hypot(*shift) < 0.1


def test_raw_slices_keep_ten_bits(published, tmp_path):
    _run(published, tmp_path, gated='raw')
    name = '2020-01-01_00-00-00_00000'
    image = read_image(tmp_path / 'gated0' / f'{name}.png', 'gated')
    assert image.dtype == np.uint16 and 255 < image.max() <= 1023


def test_size_scales_images_and_boxes(published, tmp_path):
    full = _run(published, tmp_path / 'a')['train']
    half = _run(published, tmp_path / 'b', size=(80, 48))['train']
    assert (half['images'][0]['width'], half['images'][0]['height']) == (80,
                                                                         48)
    for a, b in zip(full['annotations'], half['annotations'], strict=True):
        assert np.array(b['bbox']) * 2 == pytest.approx(a['bbox'], abs=1e-3)


def test_workers_do_not_change_a_byte(published, tmp_path):
    _run(published, tmp_path / 'a', num_workers=1)
    _run(published, tmp_path / 'b', num_workers=2)
    assert _tree(tmp_path / 'a') == _tree(tmp_path / 'b')


def test_stopped_conversion_goes_on(source, tmp_path):
    out = tmp_path / 'out'
    _run(source, out)
    before = _tree(out)
    times = {p: p.stat().st_mtime_ns for p in (out / 'images').iterdir()}
    torn = out / 'gated2/2020-01-01_00-00-00_00030.png'
    torn.write_bytes(b'half')
    (out / 'manifest.json').unlink()
    (out / '.progress/2020-01-01_00-00-00_00060.json').unlink()
    _run(source, out)
    assert _tree(out) == before
    redone = {
        p.stem[-2:] for p, t in times.items() if p.stat().st_mtime_ns != t
    }
    assert redone == {'30', '60'}


def test_other_settings_do_not_mix(source, tmp_path):
    _run(source, tmp_path / 'out')
    with pytest.raises(ConfigError, match=r'other settings \(frame\)'):
        _run(source, tmp_path / 'out', frame='rgb')


def test_unreadable_slice_writes_nothing_of_its_frame(source, tmp_path):
    name = '2020-01-01_00-00-00_00030'
    path = source / 'gated1_rect8' / f'{name}.png'
    path.write_bytes(path.read_bytes()[:200])
    out = tmp_path / 'out'
    with pytest.raises(CorruptSampleError, match='cannot be dec') as caught:
        _run(source, out)
    assert str(path) in str(caught.value)
    assert not [p for p in _tree(out) if name in p]
    assert not (out / 'annotations').exists()
    assert not list(out.rglob('*.partial'))


def test_slices_of_different_depth_are_refused(source, tmp_path):
    path = source / 'gated2_rect8/2020-01-01_00-00-00_00000.png'
    path.write_bytes(encode_image(np.zeros((90, 160), np.uint16), '.png'))
    with pytest.raises(CorruptSampleError, match='bit depth') as caught:
        _run(source, tmp_path / 'out')
    assert str(path) in str(caught.value)


def test_image_of_odd_proportions_is_refused(source, tmp_path):
    path = source / 'cam_stereo_left_lut/2020-01-01_00-00-00_00000.png'
    path.write_bytes(encode_image(np.zeros((90, 160, 3), np.uint8), '.png'))
    with pytest.raises(CorruptSampleError, match='160x90 .* uniformly'):
        _run(source, tmp_path / 'out')


def test_bad_label_line_stops_before_the_first_file(source, tmp_path):
    path = (source / 'gt_labels/gated_labels_TMP'
            / '2020-01-01_00-00-00_00090.txt')
    path.write_text('Pedestrian 1 2 3\n')
    with pytest.raises(CorruptSampleError, match='found 4') as caught:
        _run(source, tmp_path / 'out')
    assert f'{path}:1' in str(caught.value)
    assert not (tmp_path / 'out').exists()


def test_empty_label_file_keeps_the_frame(source, tmp_path):
    for path in (source / 'gt_labels/gated_labels_TMP').iterdir():
        path.write_text('')
    content = _run(source, tmp_path / 'out')['train']
    assert len(content['images']) == 2 and not content['annotations']


def test_real_raw_frame_lines_up(shared_data, tmp_path):
    """The published raw frame: both cameras see the same edges in one place.
    """
    layout = StfLayout(shared_data / 'stf_sample')
    assert (layout.rgb_source, layout.gated_source) == ('cam_stereo_left',
                                                        'raw')
    frames = {'train': layout.find([REAL_FRAME], allow_unlabelled=True)}
    convert(frames, tmp_path, ConvertSettings('sample', 'raw'))
    rgb = cv2.cvtColor(
        read_image(tmp_path / f'images/{REAL_FRAME}.png', 'RGB'),
        cv2.COLOR_BGR2GRAY)
    slices = [
        read_image(tmp_path / f'gated{k}/{REAL_FRAME}.png', 'gated')
        for k in range(3)
    ]
    assert rgb.shape == slices[0].shape == (768, 1280)
    assert slices[0].dtype == np.uint16

    def edges(image):
        image = cv2.GaussianBlur(np.log1p(image.astype(np.float32)), (0, 0),
                                 1.2)
        size = cv2.magnitude(cv2.Sobel(image, cv2.CV_32F, 1, 0),
                             cv2.Sobel(image, cv2.CV_32F, 0, 1))
        return np.minimum(size / (8 * np.median(size)), 1)

    rgb_edges, gated_edges = edges(rgb), edges(np.max(slices, axis=0))
    # Patches of the trees, the houses and the parked cars: where do they fit?
    for x, y in ((205, 60), (435, 60), (895, 140), (895, 220), (895, 300),
                 (205, 380), (435, 380)):
        patch = rgb_edges[y - 45:y + 45, x - 55:x + 55]
        region = gated_edges[y - 60:y + 60, x - 85:x + 85]
        fit = cv2.matchTemplate(region, patch, cv2.TM_CCOEFF_NORMED)
        _, _, _, (dx, dy) = cv2.minMaxLoc(fit)
        assert abs(dx - 30) <= 6 and abs(dy - 15) <= 4, (x, y, dx, dy)
