"""What tells that a run is still the one that was begun."""
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmxkd.errors import ConfigError

from .arm import Arm
from .plan import Plan
from .step import Step

#: The key for what a run was built upon, beside its settings.
BUILT_UPON = 'built_upon'

#: The keys of a config that decide what is trained and tested.
_RECIPE = ('model', 'train_dataloader', 'val_dataloader', 'test_dataloader',
           'val_evaluator', 'test_evaluator', 'optim_wrapper',
           'param_scheduler', 'train_cfg', 'custom_hooks', 'load_from')


@cache
def recipe_of(config: Path) -> str | None:
    """A hash of what a config trains and tests; None: there is no such file.

    Comments, variables and how the file is put together do not count.
    """
    if not config.is_file():
        return None
    cfg = Config.fromfile(config).to_dict()
    text = json.dumps({key: cfg.get(key) for key in _RECIPE}, sort_keys=True,
                      default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """Of the content of a file."""
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def identity_of(trained: Path) -> Any:
    """What a run has made, by its ``trained.json``.

    Returns:
        None where it has not trained, or was done before hashes were kept.
    """
    if not trained.is_file():
        return None
    return json.loads(trained.read_text()).get('sha256')


def settings_of(arm: Arm | Step, plan: Plan) -> dict[str, Any]:
    """All that a run of an arm depends on, but for its seed and needs."""
    if isinstance(arm, Step):
        return {
            'command': list(arm.command), 'outputs': dict(arm.outputs),
            'data_roots': {
                name: str(path) for name, path in plan.data_roots.items()
            }
        }
    return {
        'config': arm.config.name, 'recipe': recipe_of(arm.config),
        'cfg_options': [*plan.cfg_options, *arm.options],
        'trained_on': str(arm.data_root), 'tested_on': str(plan.tested_on),
        'ann_file': arm.ann_file, 'datasets': [*arm.datasets],
        'starts_from': arm.starts_from, 'taught_by': dict(arm.taught_by),
        'reads': dict(arm.reads)
    }


def compare(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any],
            built_upon: Mapping[str, Any]) -> None:
    """Compare a run with how it was begun.

    What a run of before has not noted is not compared.

    Args:
        folder (Path): Of the run, for an error.
        before (dict): What ``settings.json`` holds.
        now (dict): What :func:`settings_of` gives.
        built_upon (dict): What :func:`identity_of` gives of each need.

    Raises:
        ConfigError: It names what differs.
    """
    anew = ('use another --work-dir, or remove the folder to start this run '
            'anew')
    # Runs of before had the default, and said nothing of it.
    before = dict(dict(ann_file=Arm.ann_file), **before)
    for key, value in now.items():
        if before.get(key, value) == value:
            continue
        if key == 'recipe':
            raise ConfigError(
                f'{folder} was begun when {now["config"]}, or one of its '
                f'bases, had other content; {anew}')
        raise ConfigError(f'{folder} was begun with {key}={before[key]!r}, '
                          f'not {value!r}; {anew}')
    for name, made in built_upon.items():
        then = before.get(BUILT_UPON, {}).get(name)
        if None not in (then, made) and then != made:
            raise ConfigError(
                f'{folder} was built upon another {name}, which has been '
                f'trained anew since; {anew}')
