"""Seeing Through Fog in the training layout that the converter writes."""
import os.path as osp
from collections.abc import Sequence

from mmdet.datasets import CocoDataset

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.registry import DATASETS

from .strict import StrictSamplesMixin


@DATASETS.register_module()
class STFDataset(StrictSamplesMixin, CocoDataset):
    """Colour images, gated slices and pedestrian boxes in one frame.

    An mmdet ``CocoDataset`` whose samples also name their gated slices::

        data_root/
            annotations/{train,val,test}.json
            images/<id>.png
            gated0/<id>.png  gated1/<id>.png  gated2/<id>.png

    The slices lie beside the images under the same file name. Frames without
    a pedestrian are kept unless ``filter_cfg`` drops them. A sample that
    cannot be used is an error, in training too.

    Data set: Bijelic et al., "Seeing Through Fog Without Seeing Fog", CVPR
    2020.

    Args:
        *args: Of mmdet's ``CocoDataset``.
        gated_dirs (Sequence[str]): Folders of the slices under ``data_root``,
            in stack order.
        **kwargs: Of mmdet's ``CocoDataset``.

    Raises:
        ConfigError: The annotation file has none of the classes.
        CorruptSampleError: A frame lacks an entry, or a transform returned
            no sample.
    """

    METAINFO = dict(classes=('pedestrian', ), palette=[(220, 20, 60)])

    def __init__(self, *args,
                 gated_dirs: Sequence[str] = ('gated0', 'gated1', 'gated2'),
                 **kwargs) -> None:
        self.gated_dirs = tuple(gated_dirs)
        # The file names of the images already hold their folder.
        kwargs.setdefault('data_prefix', dict(img=''))
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[dict]:
        data_list = super().load_data_list()
        if len(self.cat_ids) != len(self.metainfo['classes']):
            raise ConfigError(
                f'{self.ann_file}: expected the categories '
                f'{self.metainfo["classes"]}, found {len(self.cat_ids)} of '
                'them; was the file written by the Seeing Through Fog '
                'converter?')
        return data_list

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """mmdet's record of a frame, with its slices and conditions.

        Added keys: ``gated_paths`` (list[str]), ``frame_id``, ``weather``
        and ``daytime`` (str).
        """
        data_info = super().parse_data_info(raw_data_info)
        image = raw_data_info['raw_img_info']
        for key in ('frame_id', 'weather', 'daytime'):
            if key not in image:
                raise CorruptSampleError(
                    self.ann_file, 'annotations',
                    f'the image {image["file_name"]!r} has no {key!r}')
            data_info[key] = image[key]
        name = osp.basename(image['file_name'])
        data_info['gated_paths'] = [
            osp.join(self.data_root, folder, name)
            for folder in self.gated_dirs
        ]
        return data_info
