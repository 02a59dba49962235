"""Seeing Through Fog in the training layout that the converter writes."""
import logging
import os.path as osp
from collections.abc import Sequence

from mmdet.datasets import CocoDataset
from mmdet.datasets.api_wrappers import COCO
from mmengine.logging import print_log

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.coco_check import check_coco
from mmxkd.io.text import plain_json
from mmxkd.registry import DATASETS

from .strict import StrictSamplesMixin


class CheckedCOCO(COCO):
    """mmdet's ``COCO``, of a file in which every entry was checked.

    Raises:
        FileNotFoundError: There is no such file.
        ConfigError, CorruptSampleError: See
            :func:`mmxkd.formats.coco_check.check_coco`.
    """

    def __init__(self, annotation_file: str) -> None:
        super().__init__()
        with open(annotation_file, 'rb') as file:
            content = plain_json(file.read(), annotation_file, 'annotations')
        check_coco(content, annotation_file)
        self.dataset = content
        self.createIndex()
        self.img_ann_map = self.imgToAnns
        self.cat_img_map = self.catToImgs
        self._path = annotation_file

    def get_cat_ids(
        self, cat_names: Sequence[str] = (), sup_names: Sequence[str] = (),
        cat_ids: Sequence[int] = ()
    ) -> list[int]:
        """Ids of categories, in the order of the file.

        mmdet takes the k-th of them for the k-th class, here and in
        ``CocoMetric``: an object would have the label of another class.

        Raises:
            ConfigError: The names are in another order than in the file.
        """
        found = super().get_cat_ids(list(cat_names), list(sup_names),
                                    list(cat_ids))
        names = [self.cats[key]['name'] for key in found]
        wanted = [name for name in cat_names if name in names]
        if cat_names and names != wanted:
            raise ConfigError(
                f'{self._path}: has the categories in the order {names}, but '
                f'metainfo.classes is {tuple(cat_names)}: take the order of '
                'the file')
        return found


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
        ConfigError: The annotation file has none of the classes, or no frame.
        CorruptSampleError: The file cannot be trained on (see
            :func:`mmxkd.formats.coco_check.check_coco`), a frame lacks an
            entry, a picture has another size, or a transform returned no
            sample.
    """

    COCOAPI = CheckedCOCO
    METAINFO = dict(classes=('pedestrian', ), palette=[(220, 20, 60)])

    def __init__(self, *args,
                 gated_dirs: Sequence[str] = ('gated0', 'gated1', 'gated2'),
                 **kwargs) -> None:
        self.gated_dirs = tuple(gated_dirs)
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
        return data_list

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
