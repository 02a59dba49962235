"""Records of a pass that was made before, behind the interface of a tape."""
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .hook_points import ALL_CALLS, HookPoint


def point_key(point: HookPoint) -> str:
    """Tells the hook points of one model apart.

    Examples:
        >>> point_key(HookPoint('big', 'neck', 'outputs', None, (), 'neck'))
        'neck (outputs)'
    """
    return f'{point.text} ({point.source})'


@dataclass
class CachedRecords:
    """What a model gave at its hook points.

    Attributes:
        values (dict[str, Any]): By :func:`point_key`.
    """
    values: Mapping[str, Any]

    def read(self, point: HookPoint) -> Any:
        """The value at a hook point."""
        return self.values[point_key(point)]

    def calls(self, point: HookPoint) -> list[Any]:
        """What each call of its layer gave."""
        value = self.read(point)
        return value if point.call == ALL_CALLS else [value]
