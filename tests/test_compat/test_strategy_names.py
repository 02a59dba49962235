import torch
from mmengine._strategy import DDPStrategy
from mmengine.registry import MODEL_WRAPPERS

import mmxkd  # noqa: F401


@MODEL_WRAPPERS.register_module()
class _Wrapper(torch.nn.Module):

    def __init__(self, module):
        super().__init__()
        self.module = module


def _names(model):
    strategy = DDPStrategy.__new__(DDPStrategy)
    strategy.model = model
    return [*strategy.model_state_dict()]


def test_names_are_those_of_the_model():
    model = torch.nn.Linear(1, 1)
    assert _names(model) == _names(_Wrapper(model)) == ['weight', 'bias']


def test_stock_mmengine_saves_the_wrapper():
    """Else the repair can go."""
    replaced = DDPStrategy.model_state_dict.__wrapped__
    strategy = DDPStrategy.__new__(DDPStrategy)
    strategy.model = _Wrapper(torch.nn.Linear(1, 1))
    assert [*replaced(strategy)] == ['module.weight', 'module.bias']
