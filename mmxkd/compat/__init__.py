"""Repairs of upstream releases, one file each, applied by ``import mmxkd``.

The header of each file says what breaks, in which versions, where that was
reported, and when the file can go. Nothing heavy is imported here: a repair
is made when its target is imported (:mod:`mmxkd.compat.import_hook`).
"""
from . import (
    checkpoint_io,
    checkpoint_paths,
    cpu_ddp,
    file_names,
    init_detector,
    latest_checkpoint,
    meta_config,
    mmcv_bf16,
    mmrazor_import,
    pickle_files,
    remote_checkpoints,
    strategy_names,
    yaml_files,
)

_REPAIRS = (checkpoint_io, meta_config, latest_checkpoint, checkpoint_paths,
            cpu_ddp, mmrazor_import, mmcv_bf16, init_detector, yaml_files,
            pickle_files, remote_checkpoints, file_names, strategy_names)

_applied = False


def apply() -> None:
    """Apply every repair that the installed versions need, once."""
    global _applied
    if _applied:
        return
    _applied = True
    for repair in _REPAIRS:
        repair.apply()
