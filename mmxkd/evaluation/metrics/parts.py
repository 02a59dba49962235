"""Parts of the data, such as day and night, by the names of frames."""
import re
from collections.abc import Mapping, Sequence

from mmxkd.errors import ConfigError


def compile_parts(metric: str,
                  parts: Mapping[str, str] | None) -> dict[str, re.Pattern]:
    """The regular expression of each part.

    Args:
        metric (str): Its name, for the message.
        parts (dict[str, str], optional): Names and expressions.

    Raises:
        ConfigError: This is not a dict, or an expression is not valid.
    """
    if parts is not None and not isinstance(parts, Mapping):
        raise ConfigError(f'{metric}: parts={parts!r}, expected a dict such '
                          "as dict(night='_night_')")
    compiled = {}
    for name, pattern in (parts or {}).items():
        try:
            compiled[name] = re.compile(pattern)
        except (re.error, TypeError) as error:
            raise ConfigError(
                f'{metric}: parts.{name}={pattern!r}: {error}') from error
    return compiled


def members_of(metric: str, part: str, pattern: re.Pattern,
               names: Sequence[str], noun: str = 'frame') -> list[int]:
    """Positions of the names that an expression matches anywhere.

    Raises:
        ConfigError: It matches none; the message calls each a ``noun``.
    """
    found = [i for i, name in enumerate(names) if pattern.search(name)]
    if not found:
        raise ConfigError(f'{metric}: parts.{part}={pattern.pattern!r} '
                          f'matches no {noun}; the first is {names[0]}')
    return found
