"""The data of a config, and its pictures as a deployed detector sees them."""
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DefaultScope

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.registry import DATASETS


def build_dataset(cfg: Config, loader: str, **changes: Any) -> BaseDataset:
    """The dataset of a loader, in the scope of its config.

    Args:
        cfg (Config): A whole config.
        loader (str): ``'test_dataloader'``, or another one.
        **changes: Arguments in place of those of the config.

    Raises:
        ConfigError: The config has no such loader.
    """
    if not cfg.get(loader):
        raise ConfigError(f'{cfg.filename}: has no {loader}')
    scope = cfg.get('default_scope') or 'mmdet'
    with DefaultScope.overwrite_default_scope(scope):
        return DATASETS.build(dict(cfg[loader].dataset, **changes))


def read_picture(path: str) -> np.ndarray:
    """(H, W, 3) uint8, blue first.

    Raises:
        CorruptSampleError: OpenCV cannot read it.
    """
    image = cv2.imread(path)
    if image is None:
        raise CorruptSampleError(path, 'img', 'cannot be read as a picture')
    return image
