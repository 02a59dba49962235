"""Two optimizers that take turns: the student's and the discriminators'."""
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.optim import (
    DefaultOptimWrapperConstructor,
    OptimWrapper,
    OptimWrapperDict,
)
from torch import nn

from mmxkd.engine.bare_model import bare_model
from mmxkd.errors import ConfigError, check_keys
from mmxkd.registry import OPTIM_WRAPPER_CONSTRUCTORS

_ROLES = ('student', 'discriminator')


class AlternatingOptimWrapper(OptimWrapperDict):
    """One backward pass for both optimizers; the discriminators' one steps
    only where the last loss has trained them.

    Args:
        adversaries (list[nn.Module]): Losses with a flag
            ``trains_discriminator`` that tells what their last call did.
        student (OptimWrapper): Of the student and the connectors.
        discriminator (OptimWrapper): Of the discriminators.

    Attributes:
        before_step (Callable, optional): Gets the optimizers whose turn it
            is, before the first of them steps: a check that raises leaves
            all of them as they were.
    """
    before_step: Callable[[Sequence[torch.optim.Optimizer]], None] | None

    def __init__(self, adversaries: list[nn.Module], student: OptimWrapper,
                 discriminator: OptimWrapper) -> None:
        super().__init__(student=student, discriminator=discriminator)
        # Any: the flag is theirs, `nn.Module` does not know it.
        self._adversaries: list[Any] = adversaries
        self._trained = False
        self.before_step = None

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """The student's: precision and gradient accumulation."""
        with self['student'].optim_context(model):
            yield

    def initialize_count_status(self, model: nn.Module, cur_iter: int,
                                max_iters: int) -> None:
        """Tell both wrappers where the training stands."""
        for wrapper in self.optim_wrappers.values():
            wrapper.initialize_count_status(model, cur_iter, max_iters)

    def update_params(self, loss: torch.Tensor,
                      step_kwargs: dict | None = None,
                      zero_kwargs: dict | None = None) -> None:
        """Backward once, then step whose turn it is.

        Args:
            loss (Tensor): Scalar, the sum of all losses.
            step_kwargs, zero_kwargs (dict, optional): As in mmengine.
        """
        step_kwargs, zero_kwargs = step_kwargs or {}, zero_kwargs or {}
        student, discriminator = self['student'], self['discriminator']
        student.backward(student.scale_loss(loss))
        for adversary in self._adversaries:
            self._trained |= adversary.trains_discriminator
            adversary.trains_discriminator = False
        if not student.should_update():
            return
        turns = [student]
        if _in_any_process(self._trained, loss.device):
            turns.append(discriminator)
        if self.before_step is not None:
            self.before_step([wrapper.optimizer for wrapper in turns])
        for wrapper in turns:
            wrapper.step(**step_kwargs)
        self._trained = False
        for wrapper in (student, discriminator):
            wrapper.zero_grad(**zero_kwargs)


def _in_any_process(flag: bool, device: torch.device) -> bool:
    """All processes have the gradients of the ones that called the loss."""
    found = torch.tensor(float(flag), device=device)
    all_reduce(found, 'max')
    return bool(found)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class AlternatingOptimWrapperConstructor:
    """Builds an :class:`AlternatingOptimWrapper` for an adversarial loss.

    ::

        optim_wrapper = dict(
            constructor='mmxkd.AlternatingOptimWrapperConstructor',
            student=dict(optimizer=dict(type='SGD', lr=0.005)),
            discriminator=dict(optimizer=dict(type='Adam', lr=1e-4)))

    Args:
        optim_wrapper_cfg (dict): ``student`` and ``discriminator``, each an
            ``optim_wrapper`` config as in mmengine.
        paramwise_cfg (dict, optional): Applied to the student.
    """

    def __init__(self, optim_wrapper_cfg: dict,
                 paramwise_cfg: dict | None = None) -> None:
        cfgs = {k: v for k, v in optim_wrapper_cfg.items() if k != 'type'}
        check_keys('optim_wrapper', cfgs, _ROLES)
        for role in _ROLES:
            if role not in cfgs:
                raise ConfigError(f'optim_wrapper.{role} is missing: '
                                  f'expected {" and ".join(_ROLES)}')
        self.cfgs, self.paramwise_cfg = cfgs, paramwise_cfg

    def __call__(self, model: nn.Module) -> AlternatingOptimWrapper:
        """Build both optimizers.

        Raises:
            ConfigError: The model has no adversarial loss that alternates,
                or the precision needs a loss scaler.
        """
        model = bare_model(model)
        adversaries = [
            m for m in model.modules() if hasattr(m, 'trains_discriminator')
            and getattr(m, 'mode', None) == 'alternate'
        ]
        if not adversaries:
            raise ConfigError(
                'optim_wrapper: AlternatingOptimWrapperConstructor needs a '
                "loss with mode='alternate', such as AdversarialFeatureLoss")
        student = self._build('student', _without(model, adversaries),
                              self.paramwise_cfg)
        discriminator = self._build('discriminator',
                                    nn.ModuleList(adversaries))
        return AlternatingOptimWrapper(adversaries, student, discriminator)

    def _build(self, role: str, module: nn.Module,
               paramwise_cfg: dict | None = None) -> OptimWrapper:
        cfg = dict(type='OptimWrapper', **self.cfgs[role]) if (
            'type' not in self.cfgs[role]) else dict(self.cfgs[role])
        wrapper = DefaultOptimWrapperConstructor(cfg, paramwise_cfg)(module)
        if hasattr(wrapper, 'loss_scaler'):
            raise ConfigError(
                f'optim_wrapper.{role}: a loss scaler serves one optimizer; '
                "use type='mmxkd.Bf16OptimWrapper' instead of "
                f'{type(wrapper).__name__}')
        return wrapper


def _without(model: nn.Module, left_out: list[nn.Module]) -> nn.Module:
    """A module that holds all parameters of a model but those of some parts,
    under their own names."""
    skipped = {id(p) for module in left_out for p in module.parameters()}
    rest = nn.Module()
    for name, child in model.named_children():
        own = {id(p) for p in child.parameters()}
        if not own & skipped:
            rest.add_module(name, child)
        elif not own <= skipped:
            rest.add_module(name, _without(child, left_out))
    for name, parameter in model.named_parameters(recurse=False):
        if id(parameter) not in skipped:
            rest.register_parameter(name, parameter)
    return rest
