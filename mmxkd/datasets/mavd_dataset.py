"""MAVD, or synthetic drives in its folders, by the converter's index."""
import logging
import os.path as osp
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from mmengine.logging import print_log

from mmxkd.errors import (
    ConfigError,
    CorruptSampleError,
    check_keys,
    check_known,
    check_name,
)
from mmxkd.formats.mavd.index import CLASSES
from mmxkd.formats.mavd.layout import (
    CAMERAS,
    LIGHTINGS,
    UNKNOWN,
    parse_id,
)
from mmxkd.formats.pseudo_labels import check_listed_once
from mmxkd.io.paths import checked_path
from mmxkd.io.text import read_json
from mmxkd.registry import DATASETS

from .scored_coco_dataset import ScoredCocoDataset
from .transforms import CropColumns

# Ids of frames that are left out, as many as a log shows.
_SHOWN = 20
# What the index says of each frame.
_KEYS = ('frame_id', 'drive', 'lighting', 'time', 'columns', 'picture_width')
# The entry of the index, and the key that the loader reads.
_PICTURES = {
    'thermal': ('thermal_file', 'thermal_path'),
    'depth': ('depth_file', 'depth_picture_path'),
}
# Whose pictures a transform loads; mmdet's transforms too.
_LOADERS = {
    'LoadImageFromFile': 'rgb',
    'LoadThermal': 'thermal',
    'LoadDepthPicture': 'depth',
}


@DATASETS.register_module()
class MAVDDataset(ScoredCocoDataset):
    """Cars that eight microphones hear and three cameras see.

    A COCO dataset of the files that ``tools/dataset_converters/mavd.py``
    writes, whose samples also name their thermal picture, their depth
    picture and their sound. MAVD has no labels: its index is a list of frames
    (``unlabelled=True``). Files of a teacher's labels, and of the true boxes
    of synthetic drives, are read like any COCO file.

    Boxes lie in the frame of the index, which may be a part of the pictures:
    :class:`.CropColumns` cuts them to it.

    Data set: Valverde et al., "There is More than Meets the Eye:
    Self-Supervised Multi-Object Detection and Tracking with Sound by
    Distilling Multimodal Knowledge", CVPR 2021.

    Args:
        *args: Of :class:`.ScoredCocoDataset`.
        lighting (str, optional): ``'day'`` or ``'night'``: only frames whose
            drive says so in its name.
        id_filter (str, optional): A regular expression; only frames whose
            id, ``DRIVE/STAMP``, matches at its beginning.
        cameras (Sequence[str], optional): What the pipeline reads of
            ``rgb``, ``thermal`` and ``depth``; ``()`` for sound alone.
            None: it is not known, and all frames stay; who reads them looks
            for missing pictures.
        leave_out_incomplete (bool): Leave out frames without a picture of
            one of ``cameras``, and list them, instead of an error.
        other_sound (bool): Each frame gets the sound of a frame of another
            drive. A detector that hears cannot find its boxes then: what it
            scores all the same, it does not owe to hearing.
        **kwargs: Of :class:`.ScoredCocoDataset`. In ``data_prefix``,
            ``sound`` is the folder that the converter wrote to (an absolute
            path), if it is not ``data_root``.

    Raises:
        ConfigError: A word is unknown, the expression is not one, no frame
            is left, the pipeline loads pictures of a camera that ``cameras``
            does not name, or does not cut them to the frame of the boxes.
        CorruptSampleError: See :class:`.ScoredCocoDataset`; or a frame lacks
            an entry, or a picture.
    """

    METAINFO = dict(classes=CLASSES, palette=[(0, 60, 255)])
    #: What ``tools/label.py`` sets: it looks for missing pictures by itself.
    FOR_LABELLING = dict(cameras=None)

    def __init__(self, *args, lighting: str | None = None,
                 id_filter: str | None = None,
                 cameras: Sequence[str] | None = (),
                 leave_out_incomplete: bool = False, other_sound: bool = False,
                 **kwargs) -> None:
        if lighting is not None:
            check_known('MAVDDataset: lighting', lighting, LIGHTINGS)
        if cameras is not None and (isinstance(cameras, str)
                                    or not isinstance(cameras, Sequence)):
            raise ConfigError(f'MAVDDataset: cameras={cameras!r}, expected '
                              "names such as ('rgb', 'thermal')")
        for camera in cameras or ():
            check_name('camera', camera, CAMERAS, 'MAVDDataset')
        try:
            self._id_filter = re.compile(id_filter or '')
        except (re.error, TypeError) as error:
            raise ConfigError(
                f'MAVDDataset: id_filter={id_filter!r}: {error}') from error
        self.lighting = lighting
        self.cameras = None if cameras is None else tuple(cameras)
        self.leave_out_incomplete = leave_out_incomplete
        self.other_sound = other_sound
        # The file names of the index already hold their folders.
        prefix = {'img': '', 'sound': ''}
        given = kwargs.get('data_prefix') or {}
        check_keys('MAVDDataset: data_prefix', given, prefix)
        kwargs['data_prefix'] = {**prefix, **given}
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[dict]:
        self._check_cameras()
        data_list = super().load_data_list()
        if len(self.cat_ids) != len(self.metainfo['classes']):
            content = read_json(self.ann_file, 'index')
            names = [category['name'] for category in content['categories']]
            raise ConfigError(f'{self.ann_file}: expected the categories '
                              f'{self.metainfo["classes"]}, found {names}')
        check_listed_once((info['frame_id'] for info in data_list),
                          self.ann_file)
        kept = [
            info for info in data_list
            if self.lighting in (None, info['lighting'])
            and self._id_filter.match(info['frame_id'])
        ]
        if not kept:
            raise ConfigError(
                f'{self.ann_file}: none of {len(data_list)} frames is left by '
                f'lighting={self.lighting!r} and '
                f'id_filter={self._id_filter.pattern!r}; the first is '
                f'{data_list[0]["frame_id"]!r}')
        kept = self._complete(kept)
        self._check_cut(kept)
        if self.other_sound:
            self._exchange_sound(kept)
        return kept

    def _exchange_sound(self, data_list: list[dict]) -> None:
        """Give each frame the sound of one that lies half the list away."""
        half = len(data_list) // 2
        partners = data_list[half:] + data_list[:half]
        same = [
            info['frame_id']
            for info, other in zip(data_list, partners, strict=True)
            if info['drive'] == other['drive']
        ]
        if same:
            raise ConfigError(
                f'{self.ann_file}: other_sound=True: {same[0]!r} has no frame '
                'of another drive half of the list away; expected two drives '
                'or more, none of them longer than half of the list')
        paths = [other['sound_path'] for other in partners]
        for info, path in zip(data_list, paths, strict=True):
            info['sound_path'] = path

    def _complete(self, data_list: list[dict]) -> list[dict]:
        """The frames that have a picture of every camera."""
        keys = [
            _PICTURES[camera][1] for camera in self.cameras or ()
            if camera in _PICTURES
        ]
        kept: list[dict] = []
        left_out: list[str] = []
        for info in data_list:
            if all(key in info for key in keys):
                kept.append(info)
            else:
                left_out.append(info['frame_id'])
        if not left_out:
            return kept
        told = (f'{len(left_out)} of {len(data_list)} frames lack a picture '
                f'of {self.cameras}: ' + ', '.join(left_out[:_SHOWN]) +
                (', …' if left_out[_SHOWN:] else ''))
        if not self.leave_out_incomplete:
            raise CorruptSampleError(
                self.ann_file, 'index',
                f'{told}; leave_out_incomplete=True goes on without them')
        if not kept:
            raise ConfigError(f'{self.ann_file}: no frame is left: {told}')
        print_log(f'{self.ann_file}: left out: {told}', logger='current',
                  level=logging.WARNING)
        return kept

    def _check_cameras(self) -> None:
        """Refuse loaders of pictures that a frame may lack."""
        if self.cameras is None:
            return
        for step in _steps(self.pipeline):
            camera = _camera_of(step)
            if camera not in (None, *self.cameras):
                raise ConfigError(
                    f'MAVDDataset: cameras={self.cameras}, but the pipeline '
                    f'has {type(step).__name__}, which a frame without '
                    f'{camera} would stop in mid-epoch; expected '
                    f'cameras={(*self.cameras, camera)}, or no such loader')

    def _check_cut(self, data_list: list[dict]) -> None:
        """Refuse pictures that boxes would not fit."""
        loader = ''
        for step in _steps(self.pipeline):
            if _camera_of(step):
                loader = type(step).__name__
            elif isinstance(step, CropColumns):
                loader = ''
        if not loader:
            return
        for info in data_list:
            if info['width'] != info['picture_width']:
                raise ConfigError(
                    f'{self.ann_file}: boxes lie in the columns '
                    f'{info["columns"]} of pictures that are '
                    f'{info["picture_width"]} wide: put mmxkd.CropColumns '
                    f'behind {loader}')

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """mmdet's record of a frame, with its other files.

        Added keys: ``frame_id``, ``drive``, ``lighting`` (str), ``time``
        (int, ns), ``columns`` (tuple[int, int]), ``picture_width`` (int),
        ``sound_path`` (str); ``thermal_path`` and ``depth_picture_path``
        (str) where the frame has them.
        """
        data_info = super().parse_data_info(raw_data_info)
        image = raw_data_info['raw_img_info']
        for key in (*_KEYS, 'sound_file'):
            if key not in image:
                raise CorruptSampleError(
                    self.ann_file, 'index', f'the frame '
                    f'{image["file_name"]!r} has no {key!r}; was it written '
                    'by tools/dataset_converters/mavd.py?')
        _check_entry(image, self.ann_file)
        data_info.update({key: image[key] for key in _KEYS})
        data_info['columns'] = tuple(image['columns'])
        data_info['sound_path'] = self._path('sound', image, 'sound_file')
        for entry, key in _PICTURES.values():
            if image.get(entry) is not None:
                data_info[key] = self._path('img', image, entry)
        return data_info

    def _path(self, prefix: str, image: dict[str, Any], entry: str) -> str:
        name = checked_path(image[entry], self.ann_file, 'index',
                            f'{image["file_name"]}: {entry}')
        return osp.join(self.data_prefix[prefix], name)

    def _check_size(self, info: dict) -> None:
        """Of the file: the index has the width of its frame."""
        super()._check_size(dict(info, width=info['picture_width']))


def _steps(step: Any) -> Iterator[Any]:
    """A step of a pipeline, then those that it is made of."""
    yield step
    parts = getattr(step, 'transforms', ())
    for part in parts if isinstance(parts, (list, tuple)) else (parts, ):
        yield from _steps(part)


def _camera_of(step: Any) -> str | None:
    """Whose picture a transform loads; None: it loads none."""
    names = [kind.__name__ for kind in type(step).__mro__]
    return next((_LOADERS[name] for name in names if name in _LOADERS), None)


def _check_entry(image: Mapping[str, Any], path: str) -> None:
    """Refuse what somebody has changed by hand, and has changed wrongly."""
    where = f'the frame {image["file_name"]!r}'

    def refuse(key: str, expected: str) -> NoReturn:
        raise CorruptSampleError(
            path, 'index',
            f'{where}: {key} is {image[key]!r:.80}, expected {expected}')

    if not isinstance(image['frame_id'], str):
        refuse('frame_id', 'DRIVE/STAMP')
    drive = parse_id(image['frame_id'], path, f'{where}: frame_id').drive
    if image['drive'] != drive:
        refuse('drive', f'{drive!r}, as in frame_id')
    if image['lighting'] not in (*LIGHTINGS, UNKNOWN):
        refuse('lighting', f'one of {(*LIGHTINGS, UNKNOWN)}')
    for key in ('time', 'picture_width'):
        if type(image[key]) is not int:
            refuse(key, 'a whole number')
    columns = image['columns']
    if not (isinstance(columns, list) and len(columns) == 2
            and all(type(column) is int for column in columns)
            and 0 <= columns[0] < columns[1] <= image['picture_width']):
        refuse(
            'columns', 'the first one, and the one behind the last, of '
            f'{image["picture_width"]}')
    if image['width'] != columns[1] - columns[0]:
        refuse('width', f'that of the columns {columns}')
