"""Writes pieces of synthetic streets in the folder layout of PASCAL VOC.

A street shows its objects small. Each picture is a square piece around one of
them, so that objects fill their picture as in VOC, and are cut off and hidden
as they are there.
"""
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmxkd.errors import ConfigError
from mmxkd.formats.voc import (
    VocAnnotation,
    VocLayout,
    VocObject,
    format_annotation,
)
from mmxkd.io.atomic import write_bytes, write_text
from mmxkd.io.images import encode_image
from mmxkd.synthetic.claim import claim_folder
from mmxkd.synthetic.drawing import draw_frames
from mmxkd.synthetic.sensors.raster import rasterize
from mmxkd.synthetic.sensors.rgb import photograph

from .annotate import annotate_kitti
from .rig import kitti_camera
from .sampler import CLEAR_DAY, sample_kitti_scene

VOC_NAMES = {
    'Car': 'car', 'Van': 'car', 'Pedestrian': 'person',
    'Person_sitting': 'person', 'Cyclist': 'bicycle'
}
"""VOC's class of KITTI's; others are background."""
SYNTHETIC_CLASSES = ('bicycle', 'car', 'person')
YEAR = 'VOC2007'
_WINDOW_STREAM = 77
# Of a street's height: the smallest piece.
_SMALLEST = .4
# Least share of a box in the piece, and of its height in the picture's, below
# which it is difficult; below half of the share it has no label at all.
_SHARE, _HEIGHT = .4, .08
# From "largely occluded" on.
_HIDDEN = 2


@dataclass(frozen=True)
class VocSettings:
    """What determines the bytes of a synthetic VOC.

    Attributes:
        trainval: Number of pictures to train on.
        test: Number of pictures to test on.
        seed: Seed of the scenes, the pieces and all noise.
        scale: Size of the streets over the official 1242 x 375.
    """

    trainval: int
    test: int
    seed: int = 0
    scale: float = 0.5

    def __post_init__(self) -> None:
        for name in ('trainval', 'test'):
            if getattr(self, name) < 1:
                raise ConfigError(f'{name} must be 1 or more: '
                                  f'{getattr(self, name)}')
        if self.seed < 0:
            raise ConfigError(f'seed must be 0 or more: {self.seed}')
        if not 0.2 <= self.scale <= 1:
            raise ConfigError(f'scale must be 0.2..1: {self.scale}')


def write_voc_picture(index: int, root: Path, settings: VocSettings) -> None:
    """Draw one picture and its annotation, unless both are there.

    Args:
        index (int): Counts on from trainval to test; the id.
        root (Path): Of the data set; the year's folder is made in it.
        settings (VocSettings): Of the data set.
    """
    name = f'{index:06d}'
    folder = root / YEAR
    picture = folder / 'JPEGImages' / f'{name}.jpg'
    annotation = folder / 'Annotations' / f'{name}.xml'
    if picture.is_file() and annotation.is_file():
        return
    scene = sample_kitti_scene(settings.seed, index)
    camera = kitti_camera(settings.scale)
    surfaces = rasterize(scene, camera)
    image = photograph(scene, surfaces, camera, CLEAR_DAY)
    labels = annotate_kitti(scene, surfaces, camera)
    rng = np.random.default_rng([settings.seed, index, _WINDOW_STREAM])
    left, top, side = draw_window(rng, labels, camera.size)
    write_bytes(
        picture,
        encode_image(
            np.ascontiguousarray(image[top:top + side, left:left + side]),
            '.jpg'))
    objects = objects_in(labels, (left, top, side))
    write_text(
        annotation,
        format_annotation(VocAnnotation(picture.name, (side, side), objects)))


def draw_window(rng: np.random.Generator, labels: dict[str, list],
                size: tuple[int, int]) -> tuple[int, int, int]:
    """A square piece of a street, around one of its objects.

    Args:
        rng (np.random.Generator): Draws the object, the size and the place.
        labels (dict): Of :func:`.annotate.annotate_kitti`.
        size (tuple[int, int]): Width and height of the street.

    Returns:
        tuple[int, int, int]: Left, top and side, pixels.
    """
    width, height = size
    boxes = [
        box for name, box in zip(labels['name'], labels['bbox'], strict=True)
        if name in VOC_NAMES
    ]
    smallest = _SMALLEST * height
    if boxes:
        box = np.array(boxes[rng.integers(len(boxes))])
        extent, centre = (box[2:] - box[:2]).max(), (box[:2] + box[2:]) / 2
    else:
        extent, centre = smallest, rng.uniform((0, 0), (width, height))
    side = int(np.clip(extent * rng.uniform(1.1, 2.2), smallest, height))
    corner = centre - side * rng.uniform(.35, .65, 2)
    left, top = np.clip(corner, 0, (width - side, height - side)).astype(int)
    return int(left), int(top), side


def objects_in(labels: dict[str, list], window: tuple[int, int,
                                                      int]) -> list[VocObject]:
    """The objects of a street in a piece of it, as VOC labels them.

    Args:
        labels (dict): Of :func:`.annotate.annotate_kitti`.
        window (tuple[int, int, int]): Left, top and side, pixels.
    """
    left, top, side = window
    found = []
    for name, box, truncated, occluded in zip(labels['name'], labels['bbox'],
                                              labels['truncated'],
                                              labels['occluded'], strict=True):
        if name not in VOC_NAMES:
            continue
        whole = np.array(box) - (left, top, left, top)
        cut = np.clip(whole, 0, side - 1)
        extent = cut[2:] - cut[:2]
        share = extent.prod() / (whole[2:] - whole[:2]).prod()
        if share < _SHARE / 2 or extent.min() < 2:
            continue
        # VOC counts pixels from 1.
        x1, y1, x2, y2 = (np.round(cut) + 1).tolist()
        found.append(
            VocObject(
                VOC_NAMES[name], (x1, y1, x2, y2),
                difficult=bool(share < _SHARE or occluded >= _HIDDEN
                               or extent[1] < _HEIGHT * side),
                truncated=bool(share < .95 or truncated > .05)))
    return found


def write_voc_dataset(root: Path, settings: VocSettings,
                      num_workers: int = 0) -> dict[str, list[str]]:
    """Draw a data set; pictures that are there already are kept.

    Args:
        root (Path): Folder to write to; holds ``VOC2007/`` then.
        settings (VocSettings): What to draw.
        num_workers (int): Processes; the result does not depend on it.

    Returns:
        dict[str, list[str]]: Ids of ``trainval``, of its parts ``train`` and
        ``val``, every fifth one, and of ``test``.

    Raises:
        ConfigError: ``root`` holds a data set with other settings.
    """
    root = Path(root)
    claim_folder(root, settings)
    number = settings.trainval + settings.test
    draw_frames(root, settings, write_voc_picture, number, num_workers,
                'pictures')
    ids = [f'{index:06d}' for index in range(number)]
    trainval = ids[:settings.trainval]
    val = trainval[4::5]
    splits = dict(trainval=trainval,
                  train=[name for name in trainval if name not in val],
                  val=val, test=ids[settings.trainval:])
    layout = VocLayout(root / YEAR)
    for split, names in splits.items():
        # An empty list is an error to a reader; a missing one says more.
        if names:
            write_text(layout.list_of(split),
                       ''.join(f'{name}\n' for name in names))
    return splits
