"""Results of a teacher's methods that the student reuses."""
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn

from mmxkd.errors import ConfigError
from mmxkd.recording.hook_points import STUDENT
from mmxkd.recording.methods import method_point, supplied, tap_method

from ..normal_form import DeliveryConfig
from .supply import Records


class Delivery:
    """The student reuses what a method gave in the teacher.

    For values that both must share, such as a drawn assignment: the k-th
    call of the student's method returns what the k-th call of the teacher's
    method returned, and the student's own method is not run.

    Args:
        config (DeliveryConfig): The method, and whose results.
        models (dict[str, nn.Module]): Student and teachers by name.

    Attributes:
        point (HookPoint): All calls of the teacher's method.

    Raises:
        ConfigError: The method does not exist.
    """

    def __init__(self, config: DeliveryConfig,
                 models: Mapping[str, nn.Module]) -> None:
        self.key, self.teacher = config.key, config.teacher
        self.point = method_point(models[config.teacher], config.teacher,
                                  config.teacher_path, config.key)
        own = method_point(models[STUDENT], STUDENT, config.student_path,
                           config.key)
        self.tap = tap_method(models[STUDENT].get_submodule(own.path),
                              own.source.removesuffix('()'))

    @contextmanager
    def delivering(self, records: Records) -> Iterator[None]:
        """While active, the student's method returns the records."""
        with supplied(self.tap, self._each(records.calls(self.point))):
            yield

    def _each(self, records: list[Any]) -> Iterator[Any]:
        yield from records
        raise ConfigError(
            f'{self.key}: the student calls the method more often than the '
            f'teacher {self.teacher!r} did ({len(records)} times). Is it '
            "called in the teacher's mode at all? (mode='predict' runs no "
            'losses)')
