"""Seeing Through Fog in the training layout that the converter writes."""
import logging
import os.path as osp
from collections.abc import Sequence

from mmengine.logging import print_log

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.registry import DATASETS

from .scored_coco_dataset import ScoredCocoDataset


@DATASETS.register_module()
class STFDataset(ScoredCocoDataset):
    """Colour images, gated slices and pedestrian boxes in one frame.

    A COCO dataset, with a teacher's scores where its file has them, whose
    samples also name their gated slices::

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
        *args: Of :class:`.ScoredCocoDataset`.
        gated_dirs (Sequence[str]): Folders of the slices under ``data_root``,
            in stack order.
        leave_out_incomplete (bool): Leave out frames of which a slice is
            missing, and list them, instead of an error when such a frame is
            loaded.
        **kwargs: Of :class:`.ScoredCocoDataset`.

    Raises:
        ConfigError: The annotation file has none of the classes, or no frame.
        CorruptSampleError: The file cannot be trained on (see
            :mod:`mmxkd.formats.coco_check`), a frame lacks an
            entry, a picture has another size, or a transform returned no
            sample.
    """

    METAINFO = dict(classes=('pedestrian', ), palette=[(220, 20, 60)])

    def __init__(self, *args,
                 gated_dirs: Sequence[str] = ('gated0', 'gated1', 'gated2'),
                 leave_out_incomplete: bool = False, **kwargs) -> None:
        self.gated_dirs = tuple(gated_dirs)
        self.leave_out_incomplete = leave_out_incomplete
        # The file names of the images already hold their folder.
        kwargs.setdefault('data_prefix', dict(img=''))
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[dict]:
        self._unused = 0
        data_list = super().load_data_list()
        if len(self.cat_ids) != len(self.metainfo['classes']):
            raise ConfigError(
                f'{self.ann_file}: expected the categories '
                f'{self.metainfo["classes"]}, found {len(self.cat_ids)} of '
                'them; was the file written by the Seeing Through Fog '
                'converter?')
        if self._unused:
            # mmdet skips these without a word.
            print_log(
                f'{self.ann_file}: {self._unused} boxes are not used: smaller '
                'than a pixel, or outside of the picture', logger='current',
                level=logging.WARNING)
        return self._complete(data_list)

    def _complete(self, data_list: list[dict]) -> list[dict]:
        """The frames whose slices are all there, if others are left out."""
        if not self.leave_out_incomplete:
            return data_list
        kept: list[dict] = []
        left_out: list[dict] = []
        for info in data_list:
            there = all(map(osp.isfile, info['gated_paths']))
            (kept if there else left_out).append(info)
        if left_out:
            print_log(
                f'{self.ann_file}: {len(left_out)} of {len(data_list)} frames '
                'are left out, which lack a gated slice: '
                + ', '.join(info['frame_id'] for info in left_out),
                logger='current', level=logging.WARNING)
        if not kept:
            raise ConfigError(f'{self.ann_file}: no frame has all slices in '
                              f'{self.gated_dirs} under {self.data_root}')
        return kept

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """mmdet's record of a frame, with its slices and conditions.

        Added keys: ``gated_paths`` (list[str]), ``frame_id``, ``weather``
        and ``daytime`` (str).
        """
        data_info = super().parse_data_info(raw_data_info)
        wanted = sum(annotation['category_id'] in self.cat_ids
                     and not annotation.get('ignore', False)
                     for annotation in raw_data_info['raw_ann_info'])
        self._unused += wanted - len(data_info['instances'])
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
