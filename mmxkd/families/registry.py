"""Which families there are, and which one a model is of."""
from torch import nn

from .base import Family
from .mmdet import MMDetFamily
from .mmdet3d import MMDet3DFamily

_FALLBACK = MMDetFamily()
# The last one that owns a model counts, so that a family may refine another.
_FAMILIES: list[Family] = [_FALLBACK, MMDet3DFamily()]


def register_family(family: Family) -> Family:
    """Make a family known, e.g. in a module of ``custom_imports``.

    Registered again under its name, it takes the place of the earlier one.
    """
    _FAMILIES[:] = [f for f in _FAMILIES if f.name != family.name]
    _FAMILIES.append(family)
    return family


def family_of(module: nn.Module) -> Family:
    """The family of a model or data preprocessor; mmdet's if no other owns it.
    """
    for family in reversed(_FAMILIES):
        if family.owns(module):
            return family
    return _FALLBACK


def asked_names() -> set[str]:
    """All names of arguments that some family serves."""
    return {name for family in _FAMILIES for name in family.served()}
