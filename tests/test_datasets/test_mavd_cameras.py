"""MAVD by the cameras that a pipeline reads, and frames that lack one."""
import logging
import shutil

import numpy as np
import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.mavd.layout import (
    CAMERAS,
    picture_path,
)
from tests.helpers.mavd_dataset import build, converted
from tests.helpers.mavd_tree import (
    frames_of,
    pictures_of,
)

LOADERS = dict(rgb='mmxkd.LoadImageFromFile', thermal='mmxkd.LoadThermal',
               depth='mmxkd.LoadDepthPicture')


def test_frames_without_thermal_or_depth(root, caplog):
    first, second, _ = frames_of('train')
    (root / picture_path('thermal', first, '.png')).unlink()
    (root / picture_path('depth', second, '.png')).unlink()
    converted(root)
    # Sound alone, or colours alone, needs neither.
    assert len(build(root)) == len(build(root, cameras=('rgb', ))) == 3
    with pytest.raises(
            CorruptSampleError,
            match=f'2 of 3 frames lack .*{first}, {second}; '
            'leave_out_incomplete=True'):
        build(root, cameras=('rgb', 'thermal', 'depth'))
    with caplog.at_level(logging.WARNING, 'mmengine'):
        dataset = build(root, cameras=('rgb', 'thermal', 'depth'),
                        leave_out_incomplete=True)
    assert [dataset.get_data_info(0)['frame_id']
            ] == [str(frames_of('train')[2])] and len(dataset) == 1
    assert len(build(root, cameras=('thermal', ),
                     leave_out_incomplete=True)) == 2


def test_no_frame_with_all_pictures(root):
    for frame in frames_of('train'):
        (root / picture_path('thermal', frame, '.png')).unlink()
    converted(root)
    with pytest.raises(ConfigError, match='no frame is left: 3 of 3 frames'):
        build(root, cameras=('thermal', ), leave_out_incomplete=True)


@pytest.mark.parametrize('camera, loader', LOADERS.items())
def test_pictures_have_to_be_cut(drives, camera, loader):
    """Behind the last loader: of any camera, also within a branch."""
    load, crop = dict(type=loader), dict(type='mmxkd.CropColumns')
    branch = dict(type='RandomApply', transforms=[load])
    for pipeline in ([load], [crop, load], [branch]):
        with pytest.raises(
                ConfigError, match=r'columns \(10, 50\).*CropColumns behind '
                + loader.partition('.')[2]):
            build(drives, pipeline=pipeline, cameras=(camera, ))
    build(drives, pipeline=[load, crop], cameras=(camera, ))


@pytest.mark.parametrize('camera, loader', LOADERS.items())
def test_a_camera_that_the_config_does_not_name(drives, camera, loader):
    """Frames without its picture stay in the list, and end an epoch."""
    named = tuple(c for c in LOADERS if c != camera)
    pipeline = [dict(type=loader), dict(type='mmxkd.CropColumns')]
    kind = loader.partition('.')[2]
    for steps in (pipeline, [dict(type='RandomApply', transforms=pipeline)]):
        with pytest.raises(
                ConfigError, match=f'has {kind}, .* without {camera} .*'
                f"expected cameras=.*, '{camera}'"):
            build(drives, pipeline=steps, cameras=named)
    # Who labels looks for missing pictures by itself.
    assert len(build(drives, pipeline=pipeline, cameras=None)) == 3


def test_mmdets_loader_is_one_of_colours(drives):
    with pytest.raises(ConfigError, match='without rgb would'):
        build(drives, pipeline=[dict(type='mmdet.LoadImageFromFile')])


@pytest.mark.parametrize('camera, name', [('rgb', 'img'),
                                          ('thermal', 'thermal'),
                                          ('depth', 'depth_picture')])
def test_a_teacher_reads_its_own_camera_alone(root, pipelines, camera, name):
    """No other picture has to be there; boxes and sizes are the same."""
    for other in CAMERAS.keys() - {camera}:
        for folder in root.glob(f'*/{CAMERAS[other][0]}'):
            shutil.rmtree(folder)
    options = dict(unlabelled=False, cameras=(camera, ))
    packed = build(root, 'test_truth', test_mode=True, **options,
                   pipeline=pipelines.camera_test_pipelines[camera])[0]
    sample = packed['data_samples']
    channels = 1 if camera == 'thermal' else 3
    assert {k: tuple(v.shape) for k, v in packed['inputs'].items()
            } == {name: (channels, 58, 96)}
    assert (sample.ori_shape, sample.img_shape) == ((24, 40), (58, 96))
    assert sample.scale_factor == pytest.approx((2.4, 58 / 24))
    assert sample.gt_instances.bboxes.tolist() == [[0, 4, 20, 14]]
    pipeline = pipelines.camera_train_pipelines[camera]
    pipeline[-2].prob = 1.
    packed = build(root, 'test_truth', pipeline=pipeline, **options)[0]
    assert packed['data_samples'].flip
    np.testing.assert_allclose(packed['data_samples'].gt_instances.bboxes,
                               [[48, 4 * 58 / 24, 96, 14 * 58 / 24]],
                               rtol=1e-6)


def test_one_camera_and_the_sound(drives, pipelines):
    """Of StereoSoundNet, whose teacher sees colours."""
    packed = build(drives, pipeline=pipelines.rgb_distill_pipeline,
                   cameras=('rgb', ))[0]
    assert list(packed['inputs']) == ['img', 'spectrogram']
    assert packed['inputs']['img'].shape == (3, 58, 96)


def test_what_three_cameras_see_beside_the_sound(drives, pipelines):
    cfg = pipelines.train_dataloader.dataset
    dataset = build(drives, pipeline=cfg.pipeline, cameras=cfg.cameras,
                    leave_out_incomplete=True, filter_cfg=None)
    packed = dataset[0]
    inputs, sample = packed['inputs'], packed['data_samples']
    assert {k: tuple(v.shape)
            for k, v in inputs.items()} == dict(img=(3, 58, 96),
                                                thermal=(1, 58, 96),
                                                depth_picture=(3, 58, 96),
                                                spectrogram=(8, 20, 13))
    assert (sample.ori_shape, sample.img_shape) == ((24, 40), (58, 96))
    assert len(sample.gt_instances) == 0 and sample.frame_id == str(
        frames_of('train')[0])
    # The left and the right column are 10 and 49 of the pictures.
    shown = pictures_of(frames_of('train')[0])
    for x, column in ((0, 10), (-1, 49)):
        assert inputs['img'][0, :, x].numpy() == pytest.approx(column, abs=.3)
        np.testing.assert_allclose(inputs['depth_picture'][:, 0, x],
                                   shown['depth'][0, column], atol=8)
    assert inputs['thermal'][0, 0, [0, -1]].tolist() == [0, 255]


def test_the_geometry_is_the_same_with_and_without_a_picture(
        drives, pipelines):
    seen = build(drives, 'test_truth', unlabelled=False,
                 cameras=tuple(CAMERAS),
                 pipeline=pipelines.distill_pipeline)[0]['data_samples']
    heard = build(drives, 'test_truth', unlabelled=False,
                  pipeline=pipelines.train_pipeline)[0]['data_samples']
    assert seen.img_shape == heard.img_shape
    assert seen.scale_factor == heard.scale_factor
    assert seen.ori_shape == heard.ori_shape
    np.testing.assert_array_equal(seen.gt_instances.bboxes,
                                  heard.gt_instances.bboxes)
