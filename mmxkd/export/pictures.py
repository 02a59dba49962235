"""The data of a config, and its pictures as a deployed detector sees them."""
import copy
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DefaultScope

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.registry import DATASETS


def single_datasets(dataset: Any) -> list[Any]:
    """What a dataset reads from, without wrappers such as ``RepeatDataset``.

    Args:
        dataset: A dataset, or its config.

    Examples:
        >>> single_datasets(dict(type='RepeatDataset', dataset=dict(
        ...     type='ConcatDataset', datasets=[dict(a=1), dict(a=2)])))
        [{'a': 1}, {'a': 2}]
    """

    def part(name: str) -> Any:
        return (dataset.get(name) if isinstance(dataset, Mapping) else getattr(
            dataset, name, None))

    wrapped = part('datasets') or [part('dataset')]
    if wrapped == [None]:
        return [dataset]
    return [one for inner in wrapped for one in single_datasets(inner)]


def build_dataset(cfg: Config, loader: str) -> BaseDataset:
    """The dataset of a loader, in the scope of its config.

    Args:
        cfg (Config): A whole config.
        loader (str): ``'test_dataloader'``, or another one.

    Raises:
        ConfigError: The config has no such loader.
    """
    if not (cfg.get(loader) or {}).get('dataset'):
        raise ConfigError(f'{cfg.filename}: has no {loader} with a dataset')
    scope = cfg.get('default_scope') or 'mmdet'
    with DefaultScope.overwrite_default_scope(scope):
        return DATASETS.build(cfg[loader].dataset)


def picture_paths(cfg: Config, loader: str) -> list[str]:
    """Paths of all pictures of a loader; of a repeated dataset once.

    Args:
        cfg (Config): A whole config.
        loader (str): E.g. ``'train_dataloader'``.

    Raises:
        ConfigError: The config has no such loader.
    """
    cfg = copy.deepcopy(cfg)
    if (cfg.get(loader) or {}).get('dataset'):
        for part in single_datasets(cfg[loader].dataset):
            # Nothing is loaded; and what is empty cannot be serialised.
            part.update(pipeline=[], serialize_data=False)
    parts: Any = single_datasets(build_dataset(cfg, loader))
    return [
        part.get_data_info(index)['img_path'] for part in parts
        for index in range(len(part))
    ]


def read_picture(path: str) -> np.ndarray:
    """(H, W, 3) uint8, blue first.

    Raises:
        CorruptSampleError: OpenCV cannot read it.
    """
    image = cv2.imread(path)
    if image is None:
        raise CorruptSampleError(path, 'img', 'cannot be read as a picture')
    return image
