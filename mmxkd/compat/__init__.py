"""Repairs of upstream releases, one file each, applied by ``import mmxkd``.

The header of each file says what breaks, in which versions, where that was
reported, and when the file can go.
"""

_applied = False


def apply() -> None:
    """Apply every repair that the installed versions need, once."""
    global _applied
    if _applied:
        return
    _applied = True
