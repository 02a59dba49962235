"""Samples that are never replaced."""
from mmengine.dataset import BaseDataset

from mmxkd.errors import CorruptSampleError


class StrictSamplesMixin(BaseDataset):
    """A data set that refuses a sample without content.

    mmengine draws another sample where a transform returns None, so that a
    broken file trains as a copy of its neighbour and nobody is told.

    Raises:
        CorruptSampleError: A transform returned None; names the image.
    """

    def prepare_data(self, idx: int) -> dict:
        sample = super().prepare_data(idx)
        if sample is None:
            raise CorruptSampleError(
                self.get_data_info(idx)['img_path'], 'sample',
                'a transform of the pipeline returned None; no other sample '
                'is put in its place (RandomCrop needs '
                'allow_negative_crop=True)')
        return sample
