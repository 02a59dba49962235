"""A supply from a teacher that runs in the training step."""
from typing import Any

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
        teacher.check_loaded()
        predictions = teacher.watch(view['inputs'], view.get('data_samples'),
                                    predict=predict)
        return Supply(teacher.tape, predictions)
