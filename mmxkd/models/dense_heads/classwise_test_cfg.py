"""``test_cfg`` of heads that suppress class by class."""
from collections.abc import Mapping, Sequence
from typing import Any

from mmxkd.errors import ConfigError, check_keys, check_known


def check_test_cfg(head: str, cfg: Mapping[str, Any], needed: Sequence[str],
                   more: Sequence[str] = ()) -> None:
    """Raise for what would be left unread, or missed after an epoch.

    Args:
        head (str): Its name, for the error.
        cfg (dict): The ``test_cfg``; its ``nms`` is
            ``dict(type='nms', iou_threshold=…)``.
        needed (Sequence[str]): Keys that have to be there.
        more (Sequence[str]): Keys that may be there too.

    Raises:
        ConfigError: A key is unknown or lacking, or the NMS is another one.

    Examples:
        >>> check_test_cfg('A', dict(nms=dict(type='soft_nms')), ['nms'])
        Traceback (most recent call last):
        ...
        mmxkd.errors.ConfigError: A: test_cfg.nms.type='soft_nms', expected \
one of ('nms',); did you mean 'nms'?
    """
    where = f'{head}: test_cfg'
    check_keys(where, cfg, (*needed, *more))
    lacking = [key for key in needed if key not in cfg]
    if lacking:
        raise ConfigError(f'{where} lacks {", ".join(lacking)}')
    nms = cfg['nms']
    check_known(f'{where}.nms.type', nms.get('type'), ('nms', ))
    check_keys(f'{where}.nms', nms, ('type', 'iou_threshold'))
    if 'iou_threshold' not in nms:
        raise ConfigError(f'{where}.nms lacks iou_threshold')
