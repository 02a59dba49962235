"""The published preprocessing of a frame, by its golden numbers."""
import cv2
import numpy as np
import pytest
from mmcv.transforms import Compose
from mmdet.utils import register_all_modules

from mmxkd.registry import MODELS, TRANSFORMS

SIDE = 96


@pytest.fixture
def golden(shared_data):
    with np.load(shared_data / 'mm_distillnet_golden/preprocess.npz') as file:
        return dict(file)


@pytest.fixture
def frame(golden, tmp_path):
    """The three pictures as files, and 5 columns around them."""
    names = dict(img_path='rgb_u8', thermal_path='thermal_u16',
                 depth_picture_path='depth_bgr_u8')
    sample = dict(columns=(2, 154))
    for key, name in names.items():
        picture = golden[name]
        # The golden colours are red first.
        picture = picture[..., ::-1] if key == 'img_path' else picture
        wider = [(0, 0), (2, 3), (0, 0)][:picture.ndim]
        sample[key] = str(tmp_path / f'{key}.png')
        assert cv2.imwrite(sample[key], np.pad(picture, wider))
    return sample


PIPELINE = [
    dict(type='mmxkd.LoadImageFromFile'),
    dict(type='mmxkd.ImageToFloat32'),
    dict(type='mmxkd.LoadThermal'),
    dict(type='mmxkd.LoadDepthPicture', to_float32=True),
    dict(type='mmxkd.CropColumns'),
    dict(type='mmxkd.StretchThermal', window=(21800, 25000)),
]
RESIZE = [
    dict(type='mmxkd.Resize', scale=(SIDE, SIDE), keep_ratio=True),
    dict(type='mmxkd.PackMultiModalInputs',
         modalities=('img', 'thermal', 'depth_picture'),
         meta_keys=('img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]


def run(steps, sample):
    return Compose([TRANSFORMS.build(step) for step in steps])(dict(sample))


def test_thermal_is_stretched_as_published(golden, frame):
    found = run(PIPELINE, frame)['thermal']
    wanted = golden['thermal_stretched']
    clamped = np.clip(golden['thermal_u16'].astype(float), 21800, 25000)
    exact = (clamped - clamped.min()) * 255 / np.ptp(clamped)
    # One grey level where the rounding is a matter of the last bits.
    at_half = np.abs(exact % 1 - .5) < 1e-3
    np.testing.assert_array_equal(found[~at_half], wanted[~at_half])
    assert np.abs(found - wanted).max() <= 1
    assert (found.min(), found.max(), found.dtype) == (0, 255, np.float32)


@pytest.mark.parametrize('modality, options, name', [
    ('img',
     dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
          bgr_to_rgb=True), 'rgb_out'),
    ('thermal', dict(mean=[0], std=[255]), 'thermal_out'),
    ('depth_picture', dict(mean=[0] * 3, std=[255] * 3), 'depth_out'),
])
def test_what_the_teachers_see(golden, frame, modality, options, name):
    register_all_modules(init_default_scope=False)
    packed = run(PIPELINE + RESIZE, frame)
    view = MODELS.build(
        dict(type='mmxkd.ModalityDetDataPreprocessor', modalities=(modality, ),
             pad_size_divisor=SIDE, **options))
    batch = view({
        'inputs': {key: [value] for key, value in packed['inputs'].items()},
        'data_samples': [packed['data_samples']]
    })
    found = batch['inputs'][0].permute(1, 2, 0).numpy().squeeze()
    wanted = golden[name]
    close = np.full(wanted.shape, 1e-5)
    if modality == 'thermal':
        # A level of difference spreads to its neighbours; see above.
        close = close + 1 / 255 * (np.abs(found - wanted) > 1e-5)
        assert (close > 1e-5).mean() < .01
    assert (np.abs(found - wanted) <= close).all()
    assert packed['data_samples'].ori_shape == (65, 152)
    assert packed['data_samples'].img_shape == (41, 96)
