from copy import deepcopy

import pytest
import torch
from mmdet.models.task_modules import AnchorGenerator, MlvlPointGenerator
from torch import nn

from mmxkd.distillation.context import (
    anchors_of,
    find_prior_generator,
    grid_sizes_of,
    make_context,
    strides_of,
    watch_grid,
)
from mmxkd.errors import ConfigError
from mmxkd.schedules import Progress
from tests.helpers.toys import Toy, sample


@pytest.fixture()
def model():
    model = nn.Module()
    model.head = nn.Identity()
    model.head.prior_generator = AnchorGenerator(
        strides=[(8, 4), 16], ratios=[1.0], scales=[2.0])
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
    with pytest.raises(ConfigError, match=r"for 'anchors', but Module has "
                       r'points \(MlvlPointGenerator\)'):
        anchors_of(model, [(3, 5), (2, 3)], torch.device('cpu'))


def test_a_head_that_is_watched_tells_the_sizes_of_its_maps(model):
    watch_grid(model)
    watch_grid(Toy())  # has no head to watch
    assert grid_sizes_of(model, (18, 40)) == [(5, 5), (2, 3)]
    # This neck rounds down.
    model.head((torch.zeros(1, 3, 4, 5), torch.zeros(1, 3, 1, 2)))
    assert grid_sizes_of(model, (18, 40)) == [(4, 5), (1, 2)]
    assert grid_sizes_of(deepcopy(model), (18, 40)) == [(4, 5), (1, 2)]
    model.head(torch.zeros(1, 3, 9, 9))  # no levels: nothing learnt
    assert grid_sizes_of(model, (18, 40)) == [(4, 5), (1, 2)]


def test_values_are_made_when_asked_for(model):
    samples = [sample(0), sample(1)]
    samples[0].set_metainfo(dict(batch_input_shape=(18, 40)))
    # Nothing here has a prior generator, and nobody asks for one.
    context = make_context(Toy(), samples, 'cpu', Progress(3, 1))
    assert context['batch_data_samples'] is samples
    assert context['batch_img_metas'][1]['frame_id'] == 'frame_1'
    assert context['progress'] == Progress(3, 1)
    with pytest.raises(ConfigError):
        _ = context['strides']
    context = make_context(model, samples, torch.device('cpu'), Progress())
    assert context['anchors'] is context['anchors']
    assert len(context['anchors'][0]) == 25
    assert context['grid_sizes'] == [(5, 5), (2, 3)]
