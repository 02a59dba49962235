"""COCO annotation files in which every entry is checked."""
from collections.abc import Sequence

from mmdet.datasets.api_wrappers import COCO

from mmxkd.errors import ConfigError
from mmxkd.formats.coco_check import check_coco
from mmxkd.io.text import plain_json


class CheckedCOCO(COCO):
    """mmdet's ``COCO``, of a file in which every entry was checked.

    Args:
        annotation_file (str): The file.
        unlabelled (bool): It lists frames; labels in it are not read, and it
            needs none.

    Raises:
        FileNotFoundError: There is no such file.
        ConfigError, CorruptSampleError: See
            :func:`mmxkd.formats.coco_check.check_coco`.
    """

    def __init__(self, annotation_file: str, unlabelled: bool = False) -> None:
        super().__init__()
        with open(annotation_file, 'rb') as file:
            content = plain_json(file.read(), annotation_file, 'annotations')
        if unlabelled and isinstance(content, dict):
            content['annotations'] = []
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
