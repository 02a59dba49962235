"""Samples that are never replaced."""
from mmengine.dataset import BaseDataset

from mmxkd.errors import CorruptSampleError
from mmxkd.io.image_header import stored_size


class StrictSamplesMixin(BaseDataset):
    """A data set that refuses a sample without content.

    mmengine draws another sample where a transform returns None, so that a
    broken file trains as a copy of its neighbour and nobody is told.

    Boxes are pixels of the picture that the annotations were made for. If it
    was replaced by one of another size, they lie elsewhere: the width and
    height of the annotations must be those of the file. They are read from
    the first 32 bytes of a local PNG or BMP; other formats are not checked.

    Raises:
        CorruptSampleError: A transform returned None, or the picture has
            another size than the annotations say; names the image.
    """

    def prepare_data(self, idx: int) -> dict:
        # What mmengine's own method does, with a look in between.
        info = self.get_data_info(idx)
        path = info['img_path']
        self._check_size(info)
        sample = self.pipeline(info)
        if sample is None:
            raise CorruptSampleError(
                path, 'sample',
                'a transform of the pipeline returned None; no other sample '
                'is put in its place (RandomCrop needs '
                'allow_negative_crop=True)')
        return sample

    def _check_size(self, info: dict) -> None:
        path = info['img_path']
        if '://' in path or not {'width', 'height'} <= info.keys():
            return
        try:
            found = stored_size(path)
        except OSError:
            # Not hidden: whatever loads the picture says what is wrong.
            return
        expected = info['width'], info['height']
        if found is not None and found != expected:
            raise CorruptSampleError(
                path, 'img', f'has {found[0]}x{found[1]} pixels, but its '
                f'annotations are for {expected[0]}x{expected[1]}')
