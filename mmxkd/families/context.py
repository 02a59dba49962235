"""What a loss may ask for beside features, made when the first one asks."""
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from mmxkd.schedules import Progress

from .base import Step
from .registry import family_of


class Context(dict):
    """Values by name; the family of the student makes what is missing.

    Args:
        step (Step): What is known in this step.
        teachers (dict[str, Teacher]): Of these, a loss is given its own.
    """

    def __init__(self, step: Step, teachers: Mapping[str, Any]) -> None:
        super().__init__(teachers=teachers)
        self.step = step

    def __missing__(self, name: str) -> Any:
        self[name] = family_of(self.step.model).serve(name, self.step)
        return self[name]

    def of(self, frames: Sequence[int]) -> 'Context':
        """The same, as if the batch had only these frames."""
        samples = [self.step.samples[i] for i in frames]
        return Context(replace(self.step, samples=samples), self['teachers'])


def make_context(student: nn.Module, data_samples: list | None,
                 device: torch.device, progress: Progress,
                 teachers: Mapping[str, Any] | None = None,
                 record: Callable[[str], Any] = lambda name: None) -> Context:
    """The context of one training step.

    Args:
        student (nn.Module): The student.
        data_samples (list, optional): Its data samples.
        device (torch.device): Where its tensors are.
        progress (Progress): How far the training has come.
        teachers (dict[str, Teacher], optional): All teachers.
        record (callable): Record of an implicit hook point, by its name.
    """
    step = Step(student, data_samples or [], device, progress, record)
    return Context(step, teachers or {})
