"""Short forms in the config of an experiment, and what they stand for."""
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmxkd.errors import ConfigError, check_keys

#: Of an arm, beside what :class:`.arm.Arm` reads.
EPOCHS, LABELLED_BY = 'epochs', 'labelled_by'
#: Of a step, in place of ``command`` and ``outputs``.
LABELS_OF, FRAMES, MIRROR = 'labels_of', 'frames', 'mirror'
#: Of a step that compresses an arm.
COMPRESSED, TRAINED_AS, PRUNE = 'compressed', 'trained_as', 'prune'
TABLE = 'table'
TRAIN = 'train_dataloader.dataset'
BOXES = 'boxes'


def length(where: str, epochs: Any, config: Path) -> dict[str, int]:
    """Options that let a config train for another number of epochs.

    Args:
        where (str): The key, for an error.
        epochs (int): 1 or more.
        config (Path): What ``tools/train.py`` trains.

    Returns:
        dict[str, int]: The loop's length, one validation at its end, and the
        end of each schedule that has ended with the loop.

    Raises:
        ConfigError: It is not such a number, or the config trains by
            iterations or has a schedule of another form, whose new length
            nobody could guess.
    """
    if not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 1:
        raise ConfigError(f'{where}={epochs!r}: expected a number of epochs')
    cfg = Config.fromfile(config, import_custom_modules=False)
    before = cfg.train_cfg.get('max_epochs')
    if before is None:
        raise ConfigError(f'{where}: {config.name} has no '
                          "train_cfg.max_epochs; set 'options'")
    options = {
        'train_cfg.max_epochs': epochs, 'train_cfg.val_interval': epochs
    }
    schedulers = cfg.get('param_scheduler') or ()
    if isinstance(schedulers, Mapping):
        raise ConfigError(f'{where}: param_scheduler of {config.name} is one '
                          "dict; make it a list, or set 'options'")
    for index, scheduler in enumerate(schedulers):
        if not scheduler.get('by_epoch', True):
            continue
        if 'milestones' in scheduler:
            raise ConfigError(
                f'{where}: the milestones of param_scheduler.{index} in '
                f"{config.name} do not follow a length; set 'options'")
        for key in ('T_max', 'end'):
            if scheduler.get(key) == before:
                options[f'param_scheduler.{index}.{key}'] = epochs
    return options


def datasets_of(config: Path) -> tuple[str, ...]:
    """Keys of what a config trains on: each dataset of several."""
    node = Config.fromfile(config, import_custom_modules=False).get(
        'train_dataloader', {})
    parts = node.get('dataset', {}).get('datasets', ())
    return tuple(f'{TRAIN}.datasets.{i}'
                 for i in range(len(parts))) or (TRAIN, )


def labelled_by(where: str, step: str, datasets: tuple[str, ...]) -> dict:
    """What an arm reads whose last dataset has the labels of a step.

    Raises:
        ConfigError: The config trains on one dataset.
    """
    if len(datasets) < 2:
        raise ConfigError(
            f'{where}={step!r}: the config trains on one dataset; expected '
            'several, the last one with labels of a teacher')
    return {f'{step}.{BOXES}': f'{datasets[-1]}.ann_file'}


def label_step(where: str, given: Mapping[str, Any],
               data: str) -> dict[str, Any]:
    """The step that lets an arm label frames.

    Args:
        where (str): The key, for an error.
        given (dict): ``labels_of``, an arm; ``frames``, a list of frames in
            the data root; ``mirror``, whether it reads mirror images, too;
            and ``shared``.
        data (str): The entry of ``data_roots``. Thresholds are chosen on its
            ``annotations/val.json``.
    """
    own = (LABELS_OF, FRAMES, MIRROR)
    check_keys(where, given, (*own, 'shared'))
    arm, root = given[LABELS_OF], f'{{data.{data}}}'
    rest = {k: v for k, v in given.items() if k not in own}
    mirror = ['--mirror'] if given.get(MIRROR) else []
    return dict(
        rest, command=[
            'tools/label.py', f'{{{arm}.config}}', f'{{{arm}.checkpoint}}',
            '--data', root, '--ann',
            given.get(FRAMES, 'annotations/unlabelled.json'), '--out',
            '{out}/labels.json', *mirror, '--cfg-options',
            f'val_dataloader.dataset.data_root={root}',
            f'val_evaluator.ann_file={root}/annotations/val.json',
            f'{{{arm}.options}}'
        ], outputs={BOXES: 'labels.json'})


def compression_step(where: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The step that prunes an arm, trains it on and quantises it.

    Args:
        where (str): The key, for an error.
        given (dict): ``compressed``, an arm; ``trained_as``, the arm by whose
            config it is trained on, by default by its own; ``prune``, the
            share of the channels that goes; and ``shared``.
    """
    own = (COMPRESSED, TRAINED_AS, PRUNE)
    check_keys(where, given, (*own, 'shared'))
    arm = given[COMPRESSED]
    like = given.get(TRAINED_AS, arm)
    rest = {k: v for k, v in given.items() if k not in own}
    prune = ['--prune', str(given[PRUNE])] if PRUNE in given else []
    return dict(
        rest, command=[
            'tools/compress.py', f'{{{like}.config}}', f'{{{arm}.checkpoint}}',
            *prune, '--int8', '--seed', '{seed}', '--out', '{out}',
            '--cfg-options', f'{{{like}.all_options}}'
        ], outputs={TABLE: 'compression.json'})
