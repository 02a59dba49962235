"""PASCAL VOC from its folders, several years as one dataset."""
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from mmdet.datasets import VOCDataset as MMDetVOCDataset
from mmengine.logging import print_log

from mmxkd.errors import ConfigError, CorruptSampleError, did_you_mean
from mmxkd.formats.voc import VocLayout, VocObject, read_annotation
from mmxkd.formats.voc.boxes import pixel_boxes
from mmxkd.io.image_header import image_size
from mmxkd.io.text import read_bytes
from mmxkd.registry import DATASETS

from .convert.left_out import LeftOut
from .strict import StrictSamplesMixin

UNKNOWN = 'is not one of the classes: left out'
# The size of most JPEGs stands in their first bytes.
_HEAD = 4096


@DATASETS.register_module()
class VOCDataset(StrictSamplesMixin, MMDetVOCDataset):
    """Pictures and XML annotations as VOC publishes them.

    mmdet's dataset of the same name, with several years in one dataset, each
    file checked, and the classes of other data in VOC's form::

        dict(type='mmxkd.VOCDataset', data_root='data/VOCdevkit',
             splits=['VOC2007/trainval', 'VOC2012/trainval'], pipeline=…)

    A difficult object is ignored (``ignore_flag`` 1): it teaches nothing, and
    the metric counts it neither as a miss nor as a false alarm. Boxes are
    counted from 0, as in mmdet. The log says once what was left out or looks
    wrong, by class and reason.

    Data set: Everingham et al., "The PASCAL Visual Object Classes (VOC)
    Challenge", IJCV 2010.

    Args:
        data_root (str): Holds the folders of the years.
        splits (Sequence[str]): ``'FOLDER/SPLIT'`` each, or ``'SPLIT'`` where
            ``data_root`` itself has ``JPEGImages``.
        clip (bool): Cut boxes at the border of the picture. By default they
            are kept as they are, as published code does, and counted.
        ignore_unknown (bool): Leave out objects of other classes. By default
            one is an error.
        metainfo (dict, optional): ``classes``, where they are not VOC's. A
            name of the files is compared as it is, then in lower case.
        **kwargs: Of mmdet's ``BaseDetDataset``, but for ``ann_file`` and
            ``data_prefix``.

    Raises:
        ConfigError: There is no such folder or split, two splits share a
            picture, or no picture is left.
        CorruptSampleError: A file cannot be used, or a picture has another
            size than its annotation says; names file, line and object.
    """

    def __init__(self, splits: Sequence[str], data_root: str = '',
                 clip: bool = False, ignore_unknown: bool = False,
                 **kwargs) -> None:
        for name in ('ann_file', 'data_prefix'):
            if name in kwargs:
                raise ConfigError(f'mmxkd.VOCDataset: {name} cannot be set; '
                                  "expected splits, e.g. ['VOC2007/trainval']")
        if isinstance(splits, str) or not splits:
            raise ConfigError(f'mmxkd.VOCDataset: splits={splits!r}, expected '
                              "a list such as ['VOC2007/trainval']")
        self.splits, self.clip = list(splits), clip
        self.ignore_unknown = ignore_unknown
        self.left_out = LeftOut()
        super().__init__(data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """A record per picture, split by split."""
        self.left_out = LeftOut()
        labels: dict[str, int] = {}
        for label, name in enumerate(self.metainfo['classes']):
            labels[name] = label
            labels.setdefault(name.lower(), label)
        records = []
        seen: dict[Path, str] = {}
        for split in self.splits:
            folder, _, name = split.rpartition('/')
            layout = VocLayout(Path(self.data_root, folder))
            for image_id in layout.ids(name):
                other = seen.setdefault(layout.picture(image_id), split)
                if other != split or self.splits.count(split) > 1:
                    raise ConfigError(
                        f'mmxkd.VOCDataset: splits={self.splits}: {image_id} '
                        f'of {split} is in {other} already; each picture '
                        'counts once')
                records.append(self._record(layout, image_id, split, labels))
        if self.left_out.counts():
            print_log(f'{self.data_root}:\n{self.left_out.table()}', 'current')
        return records

    def _record(self, layout: VocLayout, image_id: str, split: str,
                labels: dict[str, int]) -> dict:
        picture, file = layout.picture(image_id), layout.annotation(image_id)
        annotation = read_annotation(file)
        size = _size_of(picture)
        if annotation.size is not None and annotation.size != size:
            raise CorruptSampleError(
                file, 'VOC annotation', 'is for a picture of '
                f'{annotation.size[0]}x{annotation.size[1]} pixels, but '
                f'{picture} has {size[0]}x{size[1]}')
        kept, told = pixel_boxes(annotation.objects, size, self.clip)
        for name, why in told:
            self.left_out.add(split, name, why)
        instances = []
        for thing, box in kept:
            label = labels.get(thing.name, labels.get(thing.name.lower()))
            if label is None:
                self._unknown(thing, file, split)
                continue
            instances.append(
                dict(bbox=list(box), bbox_label=label,
                     ignore_flag=int(thing.difficult)))
        return dict(img_path=str(picture), img_id=image_id, xml_path=str(file),
                    width=size[0], height=size[1], instances=instances)

    def _unknown(self, thing: VocObject, file: PathLike, split: str) -> None:
        if not self.ignore_unknown:
            raise CorruptSampleError(
                file, 'VOC annotation',
                f'line {thing.line}: unknown class {thing.name!r} '
                '(ignore_unknown=True leaves such objects out); '
                + did_you_mean(thing.name, self.metainfo['classes']))
        self.left_out.add(split, thing.name, UNKNOWN)

    def filter_data(self) -> list[dict]:
        """Pictures that ``filter_cfg`` keeps; all of them for testing.

        Raises:
            ConfigError: None is left.
        """
        kept = super().filter_data()
        if not kept:
            raise ConfigError(
                f'mmxkd.VOCDataset: filter_cfg={self.filter_cfg} leaves none '
                f'of {len(self.data_list)} pictures')
        return kept


def _size_of(picture: Path) -> tuple[int, int]:
    """Width and height of a picture, from its header."""
    try:
        with open(picture, 'rb') as file:
            size = image_size(file.read(_HEAD))
    except OSError as error:
        raise CorruptSampleError(
            picture, 'img',
            f'cannot be read ({error.strerror or error})') from error
    # Some have a long profile or a thumbnail in front.
    size = size or image_size(read_bytes(picture, 'img'))
    if size is None:
        raise CorruptSampleError(picture, 'img',
                                 'is not a picture, or its header is damaged')
    return size
