import pytest
import torch
from mmdet.models.task_modules import AnchorGenerator
from torch import nn

from mmxkd.errors import ConfigError
from mmxkd.families.context import make_context
from mmxkd.schedules import Progress
from tests.helpers.toys import Toy, sample


@pytest.fixture()
def model():
    model = nn.Module()
    model.head = nn.Identity()
    model.head.prior_generator = AnchorGenerator(strides=[(8, 4), 16],
                                                 ratios=[1.0], scales=[2.0])
    return model


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
