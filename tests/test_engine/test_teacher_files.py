"""Teacher files of any kind are loaded, or refused by name."""
from pathlib import Path

import pytest
import torch

from mmxkd.engine.weights import load_teacher
from mmxkd.errors import ConfigError
from tests.helpers.toys import Toy, build, toy


def test_a_path_is_as_good_as_a_string(tmp_path):
    path = tmp_path / 'teacher.pth'
    torch.save(dict(state_dict=Toy().state_dict()), path)
    for given in (path, str(path)):
        model = build(teacher=dict(cfg=toy(), checkpoint=given))
        assert model.teachers['t'].loaded
    assert isinstance(path, Path)


def changed(name, value):
    state = Toy().state_dict()
    state[name] = value
    return dict(state_dict=state)


WEIGHT, VARIANCE = 'neck.lateral.0.weight', 'backbone.bn.running_var'


@pytest.mark.parametrize(
    'content, message',
    [
        (lambda: [torch.zeros(2)], 'holds a list; expected a state dict'),
        (lambda: torch.zeros(2), 'holds a Tensor; expected a state dict'),
        (lambda: dict(state_dict=[1]), 'holds a list; expected a state dict'),
        (lambda: dict(a=1), 'no weights in this file'),
        (lambda: changed(WEIGHT, torch.zeros(6, 4, 1, 1, dtype=torch.int64)),
         f'torch.int64 instead of torch.float32: {WEIGHT}'),
        (lambda: changed(VARIANCE, -torch.ones(4)),
         f'variances below 0: {VARIANCE}'),
        (lambda: changed(WEIGHT,
                         torch.zeros(6, 4, 1, 1).to_sparse()),
         f'{WEIGHT} is a tensor of torch.sparse_coo'),
        # 10^13 elements in a file of a few bytes: never looked at.
        (lambda: changed(WEIGHT,
                         torch.zeros(1).expand(10**13)),
         'in the file, .* in the model'),
        (lambda: changed('extra',
                         torch.zeros(1).expand(10**13)), 'unexpected'),
    ])
def test_what_is_refused(tmp_path, content, message):
    path = tmp_path / 'teacher.pth'
    torch.save(content(), path)
    with pytest.raises(ConfigError, match=message) as caught:
        load_teacher(Toy(), path, 't')
    assert str(path) in str(caught.value)
