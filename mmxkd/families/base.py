"""What the distiller asks of a family of detectors."""
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import nn

from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.schedules import Progress

Detector: TypeAlias = Any
"""An ``nn.Module`` with attributes that its package defines, such as
``data_preprocessor``. Packages share no class that has them all.
"""


@dataclass
class Step:
    """What is known in one training step.

    Attributes:
        model (nn.Module): The student.
        samples (list): Its data samples.
        device (torch.device): Where its tensors are.
        progress (Progress): How far the training has come.
        record (callable): What an implicit hook point of the family recorded,
            by its name; None where nothing was.
    """
    model: nn.Module
    samples: list
    device: torch.device
    progress: Progress = field(default_factory=Progress)
    record: Callable[[str], Any] = lambda name: None


def serves(reads: str = '') -> Callable[[Callable], Callable]:
    """Mark a method of a family as something that a loss may ask for.

    A loss asks by the name of an argument, which is the name of the method:
    ``forward(self, student, teacher, anchors)`` is given the anchors.

    Args:
        reads (str): Another method of the family, which gives the hook point
            that this value is made from; empty where there is none.
    """

    def mark(method: Callable) -> Callable:
        method.served_from = reads  # type: ignore[attr-defined]
        return method

    return mark


class Family(ABC):
    """How to talk to the detectors of one package.

    A new family is a subclass in a file of its own, registered by
    :func:`.registry.register_family`.

    Attributes:
        name (str): Of the package, for messages.
        image_key (str): What its own pipelines call the image.
    """
    name: str = ''
    image_key: str = 'img'

    @abstractmethod
    def owns(self, module: nn.Module) -> bool:
        """Whether a model or data preprocessor is of this family."""

    @abstractmethod
    def can_dry_run(self, model: nn.Module) -> bool:
        """Whether :meth:`grey_batch` suits a model."""

    @abstractmethod
    def grey_batch(self, model: nn.Module,
                   size: tuple[int, int]) -> tuple[Any, list]:
        """Inputs and data samples that a model can be run on.

        Args:
            model (nn.Module): The detector.
            size (tuple[int, int]): Height and width in pixels.

        Returns:
            tuple: What its data preprocessor would give: inputs, and two
            data samples with one box each.

        Raises:
            ConfigError: It cannot be told what the model takes.
        """

    @abstractmethod
    def predict(self, model: Detector, inputs: Any, samples: list) -> list:
        """Predictions in the pixels of the network's input.

        Args:
            model (nn.Module): The detector.
            inputs, samples: What its data preprocessor gave.

        Returns:
            list: One data sample per image, with ``pred_instances``.
        """

    def chooses(self, preprocessor: nn.Module) -> bool:
        """Whether a preprocessor picks what it needs of several modalities."""
        return hasattr(preprocessor, 'modalities')

    def as_batch(self, images: Any) -> Any:
        """A batch that holds images alone, as a preprocessor takes it."""
        return images

    def check_view(self, model: Detector, inputs: Any, name: str) -> None:
        """Refuse what a model cannot take, before its own error from inside.

        Args:
            model (nn.Module): The detector.
            inputs: What its data preprocessor gave.
            name (str): Of the model, for messages.

        Raises:
            ConfigError: It names the model and its data preprocessor.
        """
        return None

    def select(self, inputs: Any, preprocessor: nn.Module,
               modality: str | None, name: str) -> Any:
        """The part of a multi-modal batch that a model sees.

        Args:
            inputs: A batch of images, or a dict of one batch per modality.
            preprocessor (nn.Module): Of the model.
            modality (str, optional): The one to give it. Default: all, if it
                chooses by itself, else the images.
            name (str): Of the model, for messages.

        Raises:
            ConfigError: The batch does not hold that modality.
        """
        if not isinstance(inputs, Mapping):
            return self.as_batch(inputs)
        chooses = self.chooses(preprocessor)
        if chooses and modality is None:
            return inputs
        modality = modality or self.image_key
        if modality not in inputs:
            raise ConfigError(
                f'{name}: its data preprocessor sees {modality!r}, which the '
                f'batch does not hold; {did_you_mean(modality, inputs)}')
        return {modality: inputs[modality]} if chooses else inputs[modality]

    @classmethod
    def served(cls) -> dict[str, str]:
        """Names that a loss may ask for → method that gives the hook point."""
        return {
            name: method.served_from for name in dir(cls)
            if hasattr(method := getattr(cls, name), 'served_from')
        }

    def implicit_points(self, names: Iterable[str],
                        model: nn.Module) -> dict[str, str]:
        """Hook points that must be recorded to serve these names.

        Returns:
            dict[str, str]: Name of the record → address in the model.
        """
        served = self.served()
        records = {served[name] for name in names if served.get(name)}
        found = {name: getattr(self, name)(model) for name in sorted(records)}
        return {name: address for name, address in found.items() if address}

    def serve(self, name: str, step: Step) -> Any:
        """A value that a loss has asked for.

        Raises:
            ConfigError: This family does not serve it, or this model cannot.
        """
        if name not in self.served():
            raise ConfigError(f'it asks for {name!r}, which detectors of '
                              f'{self.name} do not serve')
        return getattr(self, name)(step)

    @serves()
    def batch_data_samples(self, step: Step) -> list:
        """The data samples of the student, with ``gt_instances``."""
        return step.samples

    @serves()
    def batch_img_metas(self, step: Step) -> list[dict]:
        """The meta information of each data sample."""
        return [sample.metainfo for sample in step.samples]

    @serves()
    def progress(self, step: Step) -> Progress:
        """How far the training has come."""
        return step.progress
