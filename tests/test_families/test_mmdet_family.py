import pytest
import torch
from mmdet.models.task_modules import AnchorGenerator, MlvlPointGenerator
from torch import nn

from mmxkd.errors import ConfigError
from mmxkd.families import family_of
from mmxkd.families.mmdet import (
    MMDetFamily,
    anchors_of,
    find_prior_generator,
    grid_sizes_of,
    input_channels,
    strides_of,
)
from mmxkd.registry import MODELS
from tests.helpers.toys import Toy, gated_toy


@pytest.fixture()
def model():
    model = nn.Module()
    model.head = nn.Identity()
    model.head.prior_generator = AnchorGenerator(strides=[(8, 4), 16],
                                                 ratios=[1.0], scales=[2.0])
    return model


def test_strides_and_anchors_of_each_level(model):
    assert strides_of(model) == [(8, 4), (16, 16)]
    # Rows of 4 pixels, columns of 8: 5 × 5; then 2 × 3.
    sizes = grid_sizes_of(model, (18, 40))
    assert sizes == [(5, 5), (2, 3)]
    anchors = anchors_of(model, sizes, torch.device('cpu'))
    assert [a.shape for a in anchors] == [(25, 4), (6, 4)]
    # Squares of twice the stride (the smaller one, 4) around each cell.
    centres = (anchors[1][:, :2] + anchors[1][:, 2:]) / 2
    assert centres.tolist() == [[0, 0], [16, 0], [32, 0], [0, 16], [16, 16],
                                [32, 16]]


def test_a_detector_without_anchors_is_named():
    with pytest.raises(ConfigError, match="no head of Toy has a "
                       'prior_generator'):
        find_prior_generator(Toy())


def test_points_are_no_anchors(model):
    model.head.prior_generator = MlvlPointGenerator([8, 16])
    assert strides_of(model) == [(8, 8), (16, 16)]
    assert grid_sizes_of(model, (18, 40)) == [(3, 5), (2, 3)]
    with pytest.raises(
            ConfigError, match=r"for 'anchors', but Module has "
            r'points \(MlvlPointGenerator\)'):
        anchors_of(model, [(3, 5), (2, 3)], torch.device('cpu'))


def test_what_the_head_was_called_with_tells_the_sizes_of_its_maps(model):
    assert grid_sizes_of(model, (18, 40)) == [(5, 5), (2, 3)]
    # This neck rounds down.
    maps = (torch.zeros(1, 3, 4, 5), torch.zeros(1, 3, 1, 2))
    assert grid_sizes_of(model, (18, 40), (maps, )) == [(4, 5), (1, 2)]
    assert grid_sizes_of(model, (18, 40), dict(x=maps)) == [(4, 5), (1, 2)]
    # No levels, or another number of them: the strides have to do.
    for inputs in ((torch.zeros(1, 3, 9, 9), ), (maps[:1], ), ()):
        assert grid_sizes_of(model, (18, 40), inputs) == [(5, 5), (2, 3)]


def test_the_head_is_found_by_name(model):
    family = MMDetFamily()
    assert family.implicit_points(['anchors', 'strides'],
                                  model) == {'head_inputs': 'head.inputs'}
    assert family.implicit_points(['strides'], model) == {}
    # A detector without a dense head has nothing to record.
    assert family.implicit_points(['anchors'], Toy()) == {}


def test_a_grey_batch_for_any_number_of_channels():
    model = Toy(in_channels=6,
                data_preprocessor=dict(type='mmdet.DetDataPreprocessor'))
    inputs, samples = MMDetFamily().grey_batch(model, (32, 48))
    assert inputs.shape == (2, 6, 32, 48) and not inputs.any()
    assert samples[0].batch_input_shape == (32, 48)
    assert samples[0].gt_instances.bboxes.tolist() == [[8, 8, 24, 16]]
    with pytest.raises(ConfigError, match='set dry_run=False'):
        input_channels(nn.Linear(1, 1))


def test_what_a_preprocessor_chooses_by_itself():
    select = family_of(Toy()).select
    stock, own = Toy().data_preprocessor, MODELS.build(
        dict(gated_toy()['data_preprocessor']))
    inputs = dict(img=[1], gated=[2])
    assert select(inputs, stock, None, 'student') == [1]
    assert select(inputs, stock, 'gated', 't') == [2]
    assert select(inputs, own, None, 't') == inputs
    assert select(inputs, own, 'img', 't') == dict(img=[1])
    assert select([1], stock, None, 'student') == [1]
