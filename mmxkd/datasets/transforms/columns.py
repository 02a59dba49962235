"""Cutting pictures to the part that a data set takes for its frame."""
from mmcv.transforms import BaseTransform

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.modalities import spatial
from mmxkd.registry import TRANSFORMS

from .alignment import MovesTogether


@TRANSFORMS.register_module()
class CropColumns(MovesTogether, BaseTransform):
    """Cut all pictures to the columns that the data set names.

    The boxes of the data set lie in what is left: they stay as they are, and
    so what is left is the original image of mmdet's ``ori_shape``. It stands
    right behind the loaders of pictures.

    Required Keys:

    - columns (tuple[int, int]): first column, and the one behind the last
    - one or more of the modalities that lie in the camera frame

    Modified Keys: these modalities.

    - img_shape, ori_shape (tuple[int, int]): (H, W) of what is left

    Raises:
        ConfigError: The data set names no columns, or no picture was loaded.
        CorruptSampleError: A picture is narrower than that.
    """

    def transform(self, results: dict) -> dict:
        if 'columns' not in results:
            raise ConfigError('CropColumns: the sample names no columns; '
                              'mmxkd.MAVDDataset does')
        first, end = results['columns']
        found = spatial(results)
        if not found:
            raise ConfigError('CropColumns: no picture was loaded; leave it '
                              'out, or put it behind the loaders')
        for modality in found:
            picture = results[modality.name]
            if not 0 <= first < end <= picture.shape[1]:
                raise CorruptSampleError(
                    results.get('img_path', 'this sample'), modality.name,
                    f'has {picture.shape[1]} columns, expected the columns '
                    f'{first} to {end}')
            results[modality.name] = picture[:, first:end]
        shape = results[found[0].name].shape[:2]
        results['img_shape'] = results['ori_shape'] = shape
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
