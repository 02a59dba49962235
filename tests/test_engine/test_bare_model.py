"""The model behind its wrapper, and whether it is about to start."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.optim import OptimWrapper

from mmxkd.engine.bare_model import bare_model, model_to_start


class Plain(BaseModel):

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return self.layer(inputs)


@pytest.fixture
def group(tmp_path):
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/group', rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_the_wrapper_of_processes_is_taken_off(group):
    model = Plain()
    assert bare_model(model) is model
    assert bare_model(MMDistributedDataParallel(model)) is model


@pytest.mark.parametrize('resumed, trains, starts', [
    (False, True, True),
    (True, True, False),
    (False, False, False),
])
def test_a_model_starts_only_where_a_training_begins(resumed, trains, starts):
    model = Plain()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), .1))
    runner = SimpleNamespace(model=model, _resume=resumed,
                             optim_wrapper=wrapper if trains else None)
    assert model_to_start(runner) is (model if starts else None)
