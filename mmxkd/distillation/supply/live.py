"""A supply from a teacher that runs in the training step."""
from typing import Any

from mmxkd.errors import ConfigError

from ..teacher import Teacher
from .supply import Supply


class LiveSupplier:
    """Runs a teacher: up to its last recorded layer, or to the end where
    somebody asks for predictions.

    Args:
        teacher (Teacher): The teacher.
    """

    def __init__(self, teacher: Teacher) -> None:
        self.teacher = teacher

    def __call__(self, view: dict[str, Any], predict: bool = False) -> Supply:
        """See :class:`.supply.Supplier`.

        Raises:
            ConfigError: The teacher was never loaded.
        """
        teacher = self.teacher
        if not teacher.loaded:
            raise ConfigError(
                f'teacher {teacher.name!r} was never loaded: call '
                'init_weights() before training, as the runner does')
        predictions = teacher.watch(view['inputs'], view.get('data_samples'),
                                    predict=predict)
        return Supply(teacher.tape, predictions)
