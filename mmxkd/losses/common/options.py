"""Checks of the options of a loss, when it is built."""
import math
from typing import Any


def check_positive(name: str, option: str, value: Any) -> None:
    """Raise unless an option is a positive, finite number.

    Args:
        name (str): The loss, for the message.
        option (str): The option, for the message.
        value: What was given.

    Raises:
        ValueError: It is not.
    """
    if (not isinstance(value, (int, float)) or not math.isfinite(value)
            or value <= 0):
        raise ValueError(f'{name}: {option}={value!r}, expected a positive '
                         'number')


def check_share(name: str, option: str, value: float) -> None:
    """Raise unless an option is a number from 0 to 1.

    Args:
        name (str): The loss, for the message.
        option (str): The option, for the message.
        value (float): What was given.

    Raises:
        ValueError: It is not.
    """
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f'{name}: {option}={value!r}, expected 0 to 1')
