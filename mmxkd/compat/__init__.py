"""Repairs of upstream releases, one file each, applied by ``import mmxkd``.

The header of each file says what breaks, in which versions, where that was
reported, and when the file can go; ``STACKS`` says which of the two stacks
needs it (:mod:`mmxkd.compat.stacks`). Nothing heavy is imported here: a
repair is made when its target is imported (:mod:`mmxkd.compat.import_hook`).
"""
import warnings

from . import (
    checkpoint_io,
    checkpoint_paths,
    config_format,
    cpu_ddp,
    ddp_layout,
    file_names,
    heat_maps,
    init_detector,
    installed_packages,
    latest_checkpoint,
    meta_config,
    mmcv_operators,
    mmrazor_import,
    pickle_files,
    point_assigner,
    quiet_import,
    remote_checkpoints,
    safe_load,
    stacks,
    strategy_names,
    yaml_files,
)

REPAIRS = (checkpoint_io, meta_config, latest_checkpoint, checkpoint_paths,
           cpu_ddp, ddp_layout, mmrazor_import, mmcv_operators, init_detector,
           yaml_files, pickle_files, point_assigner, quiet_import,
           remote_checkpoints, safe_load, file_names, strategy_names,
           heat_maps, installed_packages, config_format)

_applied = False


def apply() -> None:
    """Apply every repair that the installed stack needs, once.

    With versions of no stack, or of both, all repairs are applied, and a
    warning says what does not fit.
    """
    global _applied
    if _applied:
        return
    _applied = True
    versions = stacks.installed_versions()
    stack = stacks.stack_of(versions)
    if versions and stack is None:
        warnings.warn(
            'mmxkd is tested with two stacks of packages; these are of '
            f'neither:\n{stacks.why_neither(versions)}', stacklevel=3)
    for repair in REPAIRS:
        if stack is None or stack in repair.STACKS:
            repair.apply()
