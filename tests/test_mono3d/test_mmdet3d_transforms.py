"""mmdet3d's own transforms before depth is packed."""
import mmdet3d.datasets.transforms as stock
import numpy as np
import pytest
from mmdet3d.datasets.transforms.transforms_3d import RandomCrop3D
from mmengine.registry import init_default_scope

from mmxkd.datasets.transforms import MovesTogether
from mmxkd.errors import ConfigError
from mmxkd.mono3d.transforms import AffineResize, Pack3DDetInputs
from mmxkd.mono3d.transforms.stock import MOVERS
from mmxkd.registry import TRANSFORMS
from tests.helpers.mono_places import HEIGHT, WIDTH, make_sample

CROP = 'mmxkd.ClippedNormalShiftScale and mmxkd.AffineResize'


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmdet3d')


def pack(*steps) -> dict:
    np.random.seed(0)
    sample = dict(make_sample(), centers_2d=np.array([[70.5, 30.5]]),
                  depths=np.array([12.]))
    for step in (*steps, Pack3DDetInputs(('img', 'depth'))):
        sample = step(sample)
    return sample


@pytest.mark.parametrize(
    'step, twin',
    [
        (stock.AffineResize((WIDTH, HEIGHT), 4), 'mmxkd.AffineResize'),
        (stock.RandomFlip3D(flip_ratio_bev_horizontal=1.),
         'mmxkd.RandomFlip3D'),
        # An error does not wait for a draw.
        (stock.RandomFlip3D(flip_ratio_bev_horizontal=0.), 'mmxkd.RandomFlip3D'
         ),
        (stock.Resize3D(scale=(WIDTH, HEIGHT),
                        keep_ratio=True), 'mmxkd.AffineResize'),
        (RandomCrop3D((HEIGHT, WIDTH)), CROP),
    ])
def test_the_twin_of_a_mover_is_named(step, twin):
    """Also where it has moved nothing."""
    with pytest.raises(ConfigError) as error:
        pack(step)
    name = f'{type(step).__module__.split(".")[0]}.{type(step).__name__}'
    text = str(error.value)
    assert text.startswith('Pack3DDetInputs: ')
    assert text.endswith(f'{name} moves img and the boxes alone; write {twin} '
                         'in its place')


def test_a_resizing_inside_of_another_transform_is_named():
    with pytest.raises(ConfigError, match='Pack3DDetInputs: .*mmcv.Resize'):
        pack(stock.RandomResize3D(scale=(WIDTH, HEIGHT), ratio_range=(1., 1.)))


def test_colours_and_the_draw_of_a_crop_are_let_through():
    found = pack(stock.PhotoMetricDistortion3D(),
                 stock.RandomShiftScale((.2, .4), 1.),
                 AffineResize((WIDTH, HEIGHT), 4))
    assert found['inputs']['depth'].shape == (1, HEIGHT, WIDTH)


def test_each_twin_exists():
    for twins in MOVERS.values():
        for name in twins.split(' and '):
            kind = TRANSFORMS.get(name)
            assert (issubclass(kind, MovesTogether)
                    or name == 'mmxkd.ClippedNormalShiftScale')
