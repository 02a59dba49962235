"""The one form that every ``distiller`` config comes to."""
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.recording.hook_points import STUDENT, split_model

#: Keys of a loss that are not arguments of its class.
LOSS_KEYS = ('student', 'teacher', 'inputs', 'loss_weight', 'connector',
             'only')


@dataclass(frozen=True)
class Source:
    """Where one value of a loss argument is read.

    Attributes:
        model (str): ``'student'`` or the name of a teacher.
        address (str): Hook point inside that model.
        connector (str, optional): Name of the connector to apply.
    """
    model: str
    address: str
    connector: str | None = None


Sources = Source | list[Source]
Arguments = dict[str | int, Sources]


@dataclass
class LossConfig:
    """One loss in normal form.

    Attributes:
        name (str): Its name in the log.
        cfg (dict): What builds the module.
        weight (float | dict): Number or schedule.
        arguments (dict): Argument name → source, or list of sources. The
            names ``0`` and ``1`` are its first and second argument.
        connector: ``'auto'``, None, or a dict that builds one for the
            student's side.
        only (str, optional): The kind of frames that it learns from.
    """
    name: str
    cfg: dict[str, Any]
    weight: float | dict
    arguments: Arguments
    connector: Any = 'auto'
    only: str | None = None


@dataclass(frozen=True)
class DeliveryConfig:
    """A method whose results the student takes from a teacher.

    Attributes:
        key (str): Where the config says so, for messages.
        teacher (str): Name of the teacher.
        teacher_path, student_path (str): The method in either model, such as
            ``'bbox_head.get_targets'``.
    """
    key: str
    teacher: str
    teacher_path: str
    student_path: str


@dataclass
class DistillerConfig:
    """A whole distiller in normal form.

    Attributes:
        losses (list[LossConfig]): Each loss.
        connectors (dict[str, dict]): Name → config of a shared connector.
        deliveries (list[DeliveryConfig]): Each delivery.
        labels (dict[str, dict]): Name → config of what labels samples.
        log_levels (bool): Whether each level of each loss is logged.
    """
    losses: list[LossConfig]
    connectors: dict[str, dict] = field(default_factory=dict)
    deliveries: list[DeliveryConfig] = field(default_factory=list)
    labels: dict[str, dict] = field(default_factory=dict)
    log_levels: bool = False


def read_source(text: str, key: str, teachers: Sequence[str],
                side: str | None = None) -> Source:
    """Read ``[model:]address``; the side fills in a model left out.

    Raises:
        ConfigError: It is not an address, or of no model of that side.
    """
    if not isinstance(text, str):
        raise ConfigError(f'{key}: expected a hook point such as '
                          f"'neck[:4]', got {text!r}")
    model, address = split_model(text, default='')
    if not model:
        if side == 'teacher' and len(teachers) > 1:
            raise ConfigError(f'{key}={text!r}: say which teacher, e.g. '
                              f"'{teachers[0]}:{address}'; there are "
                              f'{list(teachers)}')
        model = teachers[0] if side == 'teacher' else STUDENT
    if model != STUDENT and model not in teachers:
        raise ConfigError(f'{key}={text!r}: there is no teacher {model!r}; '
                          + did_you_mean(model, [*teachers, STUDENT]))
    if side == 'student' and model != STUDENT:
        raise ConfigError(f'{key}={text!r}: expected a layer of the student')
    if side == 'teacher' and model == STUDENT:
        raise ConfigError(f'{key}={text!r}: expected a layer of a teacher; '
                          f'there are {list(teachers)}')
    return Source(model, address)
