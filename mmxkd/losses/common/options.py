"""Options of losses that are refused when the loss is built."""
import math
from collections.abc import Iterable
from typing import Any


def check_choice(name: str, option: str, value: Any, known: Iterable[str]
                 ) -> None:
    """Raise where an option is none of the known words.

    Args:
        name (str): The loss, for the message.
        option (str): The option, likewise.
        value: What was given.
        known (Iterable[str]): What may be.

    Raises:
        ValueError: It names the known ones.
    """
    known = tuple(known)
    if value not in known:
        raise ValueError(f'{name}: {option}={value!r}, expected one of '
                         f'{known}')


def check_positive(name: str, option: str, value: Any) -> None:
    """Raise where an option is no positive, finite number.

    Args:
        name (str): The loss, for the message.
        option (str): The option, likewise.
        value: What was given.

    Raises:
        ValueError: See above.
    """
    if (not isinstance(value, (int, float)) or not math.isfinite(value)
            or value <= 0):
        raise ValueError(f'{name}: {option}={value!r}, expected a positive '
                         'number')


def check_share(name: str, option: str, value: float) -> None:
    """Raise where an option is no number of 0 to 1.

    Args:
        name (str): The loss, for the message.
        option (str): The option, likewise.
        value (float): What was given.

    Raises:
        ValueError: See above.
    """
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f'{name}: {option}={value!r}, expected 0 to 1')
