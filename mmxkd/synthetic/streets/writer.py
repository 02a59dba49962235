"""Writes synthetic streets in the folder layout of KITTI's object data.

Pictures may be drawn at a fraction of the official size; ``P2`` and the label
boxes are then in the pixels of the written images.
"""
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mmxkd.errors import ConfigError
from mmxkd.formats.kitti import (
    KittiObjects,
    write_calibration,
    write_labels,
    write_scan,
)
from mmxkd.io.atomic import write_bytes, write_text
from mmxkd.io.images import encode_image
from mmxkd.synthetic.claim import claim_folder
from mmxkd.synthetic.drawing import draw_frames
from mmxkd.synthetic.sensors.lidar import scan
from mmxkd.synthetic.sensors.raster import rasterize
from mmxkd.synthetic.sensors.rgb import photograph
from mmxkd.synthetic.worlds.difficulty import SceneDifficulty

from .annotate import annotate_kitti
from .rig import HEIGHT, kitti_calibration, kitti_camera, kitti_lidar
from .sampler import CLEAR_DAY, sample_kitti_scene

_SUFFIXES = {
    'image_2': '.png', 'velodyne': '.bin', 'calib': '.txt', 'label_2': '.txt'
}


@dataclass(frozen=True)
class KittiSettings:
    """What determines the bytes of a synthetic KITTI data set.

    Attributes:
        train: Number of frames in ``training/`` for training.
        val: Number of further frames in ``training/``, for validation.
        test: Number of frames in ``testing/``, which has no labels.
        seed: Seed of the scenes and of all noise.
        scale: Image size over the official 1242 x 375.
        azimuth_step: Degrees between two beams of a ring of the LiDAR; 0.17
            is that of KITTI's.
        weather_mix: Share of the frames with each weather. The LiDAR does not
            feel fog.
        night_share: Share of the frames at night.
    """

    train: int
    val: int
    test: int = 0
    seed: int = 0
    scale: float = 0.5
    azimuth_step: float = 0.17
    weather_mix: Mapping[str, float] = field(
        default_factory=lambda: CLEAR_DAY.weather_mix)
    night_share: float = CLEAR_DAY.night_share

    def __post_init__(self) -> None:
        for name, least in (('train', 1), ('val', 1), ('test', 0), ('seed',
                                                                    0)):
            if getattr(self, name) < least:
                raise ConfigError(f'{name} must be {least} or more: '
                                  f'{getattr(self, name)}')
        if not 0.1 <= self.scale <= 1:
            raise ConfigError(f'scale must be 0.1..1: {self.scale}')
        if not 0.05 <= self.azimuth_step <= 5:
            raise ConfigError(
                f'azimuth_step must be 0.05..5 degrees: {self.azimuth_step}')
        _ = self.difficulty  # weather and night are checked there

    @property
    def difficulty(self) -> SceneDifficulty:
        return replace(CLEAR_DAY, weather_mix=self.weather_mix,
                       night_share=self.night_share)


def write_kitti_frame(index: int, root: Path, settings: KittiSettings) -> None:
    """Draw one frame, unless all of its files are there.

    Args:
        index (int): Counts on from train to val to test.
        root (Path): Of the data set.
        settings (KittiSettings): Of the data set.
    """
    labelled = settings.train + settings.val
    training = index < labelled
    folder = root / ('training' if training else 'testing')
    name = f'{index if training else index - labelled:06d}'
    paths = {
        kind: folder / kind / f'{name}{suffix}'
        for kind, suffix in _SUFFIXES.items() if training or kind != 'label_2'
    }
    if all(path.is_file() for path in paths.values()):
        return
    difficulty = settings.difficulty
    scene = sample_kitti_scene(settings.seed, index, difficulty)
    camera = kitti_camera(settings.scale)
    surfaces = rasterize(scene, camera)
    image = photograph(scene, surfaces, camera, difficulty)
    write_bytes(paths['image_2'], encode_image(image, '.png'))
    echoes = scan(scene, kitti_lidar(settings.azimuth_step), HEIGHT)
    paths['velodyne'].parent.mkdir(parents=True, exist_ok=True)
    write_scan(paths['velodyne'], echoes.points)
    write_calibration(paths['calib'], kitti_calibration(settings.scale))
    if training:
        paths['label_2'].parent.mkdir(parents=True, exist_ok=True)
        write_labels(
            paths['label_2'].parent,
            KittiObjects.from_frames(
                {name: annotate_kitti(scene, surfaces, camera)}))


def write_kitti_dataset(root: Path, settings: KittiSettings,
                        num_workers: int = 0) -> dict[str, list[str]]:
    """Draw a data set; frames that are there already are kept.

    Args:
        root (Path): Folder to write to.
        settings (KittiSettings): What to draw.
        num_workers (int): Processes; the result does not depend on it.

    Returns:
        dict[str, list[str]]: Frame ids of ``train``, ``val``, ``trainval``
        and, where there are any, ``test``, as in ``ImageSets/``.

    Raises:
        ConfigError: ``root`` holds a data set with other settings.
    """
    root = Path(root)
    clear = settings.difficulty == CLEAR_DAY
    claim_folder(root, settings,
                 left_out=['weather_mix', 'night_share'] if clear else [])
    labelled = settings.train + settings.val
    draw_frames(root, settings, write_kitti_frame, labelled + settings.test,
                num_workers, 'scenes')
    ids = [f'{index:06d}' for index in range(max(labelled, settings.test))]
    splits = {
        'train': ids[:settings.train], 'val': ids[settings.train:labelled],
        'trainval': ids[:labelled], 'test': ids[:settings.test]
    }
    splits = {split: names for split, names in splits.items() if names}
    for split, names in splits.items():
        write_text(root / 'ImageSets' / f'{split}.txt',
                   ''.join(f'{name}\n' for name in names))
    return splits
