"""Labelled and unlabelled frames as one dataset."""
import logging
import os.path as osp

from mmdet.datasets import ConcatDataset
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmxkd.errors import ConfigError
from mmxkd.registry import DATASETS


@DATASETS.register_module()
class MixedDataset(ConcatDataset):
    """mmdet's ``ConcatDataset`` in which no frame stands twice.

    A frame that several datasets hold is taken from the first of them, so
    name the human labels first. How many others are left out is logged.
    :class:`.MixedBatchSampler` says how many frames of each are in a batch.

    Args:
        datasets (list[dict]): Each with its own pipeline; all of the same
            classes.
        data_root (str, optional): Of all datasets, in place of their own: one
            option moves the whole, as it does for a single dataset.
        **kwargs: Of mmdet's ``ConcatDataset``.

    Raises:
        ConfigError: A dataset is not an mmengine ``BaseDataset``, has other
            classes, or no frame is left of it.
    """

    def __init__(self, datasets: list, data_root: str | None = None,
                 **kwargs) -> None:
        if data_root is not None:
            datasets = [
                dict(dataset, data_root=data_root) for dataset in datasets
            ]
        super().__init__(datasets, **kwargs)
        classes = [
            dataset.metainfo.get('classes') for dataset in self.datasets
        ]
        if any(names != classes[0] for names in classes):
            raise ConfigError('MixedDataset: the datasets have other classes '
                              f'than the first, or another order: {classes}')

    def full_init(self) -> None:
        if self._fully_initialized:
            return
        seen: dict[str, int] = {}
        for number, dataset in enumerate(self.datasets):
            if not isinstance(dataset, BaseDataset):
                raise ConfigError(
                    f'MixedDataset: the dataset number {number} is a '
                    f'{type(dataset).__name__}, expected a BaseDataset: put '
                    'wrappers around the whole')
            dataset.full_init()
            _leave_out(dataset, number, seen)
        super().full_init()


def _leave_out(dataset: BaseDataset, number: int, seen: dict[str,
                                                             int]) -> None:
    """Leave out frames of earlier datasets, and note the others."""
    kept, doubles = [], []
    for index in range(len(dataset)):
        path = osp.realpath(dataset.get_data_info(index)['img_path'])
        if path in seen and seen[path] != number:
            doubles.append(path)
        else:
            seen[path] = number
            kept.append(index)
    if not doubles:
        return
    if not kept:
        raise ConfigError(
            f'MixedDataset: all {len(doubles)} frames of the dataset number '
            f'{number} are in earlier ones too')
    dataset.get_subset_(kept)
    print_log(
        f'{len(doubles)} frames of the dataset number {number} are in earlier '
        f'ones too, whose labels are taken: {", ".join(doubles[:5])}' +
        (', …' if len(doubles) > 5 else ''), logger='current',
        level=logging.WARNING)
