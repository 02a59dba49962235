"""Writes synthetic scenes in the folder layout of Seeing Through Fog.

All images may be drawn at a fraction of the official sizes; calibrations and
label boxes are then in the pixels of the written images.
"""
import datetime
from dataclasses import dataclass, field
from pathlib import Path

from mmxkd.errors import ConfigError
from mmxkd.formats.stf.labels import format_labels
from mmxkd.formats.stf.splits import UNLABELLED
from mmxkd.io.atomic import (
    write_bytes,
    write_json,
    write_text,
)
from mmxkd.io.images import encode_image
from mmxkd.synthetic.claim import claim_folder
from mmxkd.synthetic.drawing import draw_frames
from mmxkd.synthetic.sensors.gated import render_gated
from mmxkd.synthetic.sensors.raster import rasterize
from mmxkd.synthetic.sensors.rgb import render_rgb
from mmxkd.synthetic.worlds.difficulty import SceneDifficulty

from .annotate import annotate
from .rig import calibration, canvas_camera
from .sampler import sample_scene

SPLIT_NAMES = ('train', 'val', 'test')
GATED_FORMATS = ('both', 'raw', 'rect8')
FRAMES_PER_SEQUENCE = 10
_START = datetime.datetime(2020, 1, 1)


@dataclass(frozen=True)
class SyntheticSettings:
    """What determines the bytes of a synthetic data set.

    Attributes:
        frames: Number of frames.
        seed: Seed of the scenes and of all noise.
        scale: Image sizes over the official ones, e.g. 0.25.
        split: Shares of train, val and test.
        gated: ``'raw'`` (10-bit TIFF), ``'rect8'`` (8-bit PNG) or ``'both'``.
        difficulty: What the scenes are drawn from.
        unlabelled: Number of frames beside these, in ``unlabelled.txt`` and
            no other split. They do not change the other frames.
    """

    frames: int
    seed: int = 0
    scale: float = 0.25
    split: tuple[float, float, float] = (0.7, 0.15, 0.15)
    gated: str = 'both'
    difficulty: SceneDifficulty = field(default_factory=SceneDifficulty)
    unlabelled: int = 0

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ConfigError(f'frames must be 1 or more: {self.frames}')
        if self.seed < 0:
            raise ConfigError(f'seed must be 0 or more: {self.seed}')
        if self.unlabelled < 0:
            raise ConfigError(
                f'unlabelled must be 0 or more: {self.unlabelled}')
        if not 0.1 <= self.scale <= 1:
            raise ConfigError(f'scale must be 0.1..1: {self.scale}')
        # Both images and the training frame must keep their proportions.
        if any(
                abs(v * self.scale - round(v * self.scale)) > 1e-6
                for v in (1280, 720, 1920, 1024)):
            raise ConfigError(
                f'scale {self.scale} gives image sizes that are not whole '
                'pixels; use a multiple of 1/16')
        if (len(self.split) != 3 or min(self.split) < 0
                or abs(sum(self.split) - 1) > 1e-6):
            raise ConfigError('split must be three shares with the sum 1: '
                              f'{self.split}')
        if self.gated not in GATED_FORMATS:
            raise ConfigError(
                f'gated must be one of {GATED_FORMATS}: {self.gated!r}')


def frame_id(index: int) -> str:
    """Id of a frame, with an underscore before the counter.

    Examples:
        >>> frame_id(12)
        '2020-01-01_00-01-00_00060'
    """
    sequence, step = divmod(index, FRAMES_PER_SEQUENCE)
    stamp = _START + datetime.timedelta(minutes=sequence)
    return f'{stamp:%Y-%m-%d_%H-%M-%S}_{30 * step:05d}'


def comma_id(name: str) -> str:
    """The form that official split files use.

    Examples:
        >>> comma_id('2020-01-01_00-01-00_00060')
        '2020-01-01_00-01-00,00060'
    """
    stamp, counter = name.rsplit('_', 1)
    return f'{stamp},{counter}'


def frame_paths(root: Path, name: str, gated: str) -> dict[str, Path]:
    """Files of a frame; the one that is written last comes last."""
    paths = {'rgb': root / 'cam_stereo_left_lut' / f'{name}.png'}
    for number in range(3):
        if gated != 'rect8':
            paths[f'raw{number}'] = (root / f'gated{number}_raw'
                                     / f'{name}.tiff')
        if gated != 'raw':
            paths[f'rect8{number}'] = (root / f'gated{number}_rect8'
                                       / f'{name}.png')
    labels = root / 'gt_labels'
    paths['gated_labels'] = labels / 'gated_labels_TMP' / f'{name}.txt'
    paths['left_labels'] = labels / 'cam_left_labels_TMP' / f'{name}.txt'
    paths['meta'] = root / 'labeltool_labels' / f'{name}.json'
    return paths


def write_frame(index: int, root: Path,
                settings: SyntheticSettings) -> tuple[str, str]:
    """Render one frame, unless all of its files are there.

    Returns:
        tuple[str, str]: Weather and daytime.
    """
    root = Path(root)
    difficulty = settings.difficulty
    scene = sample_scene(settings.seed, index, difficulty)
    air = scene.atmosphere
    paths = frame_paths(root, frame_id(index), settings.gated)
    if all(path.is_file() for path in paths.values()):
        return air.weather, air.daytime
    camera = canvas_camera(settings.scale)
    surfaces = rasterize(scene, camera)
    rgb = render_rgb(scene, surfaces, camera, difficulty)
    slices = render_gated(scene, surfaces, camera, difficulty)
    write_bytes(paths['rgb'], encode_image(rgb, '.png'))
    for number, counts in enumerate(slices):
        if f'raw{number}' in paths:
            write_bytes(paths[f'raw{number}'], encode_image(counts, '.tiff'))
        if f'rect8{number}' in paths:
            eight_bit = (counts >> 2).astype('uint8')
            write_bytes(paths[f'rect8{number}'],
                        encode_image(eight_bit, '.png'))
    for key, frame in (('gated_labels', 'gated'), ('left_labels', 'left')):
        labels = annotate(scene, surfaces, camera, frame)
        write_text(paths[key], format_labels(labels))
    write_json(paths['meta'], _meta(air.weather, air.daytime))
    return air.weather, air.daytime


def _meta(weather: str, daytime: str) -> dict:
    names = ('clear', 'light_fog', 'dense_fog', 'rain', 'snow')
    return {
        'daytime': {name: name == daytime for name in ('day', 'night')},
        'weather': {name: name == weather for name in names},
    }


def split_of(index: int, settings: SyntheticSettings) -> str:
    """The split of a frame: whole blocks, in the order of the frames."""
    if index >= settings.frames:
        return UNLABELLED
    train, val, _ = settings.split
    if index < round(settings.frames * train):
        return 'train'
    return 'val' if index < round(settings.frames * (train + val)) else 'test'


def write_dataset(root: Path, settings: SyntheticSettings,
                  num_workers: int = 0) -> dict[str, list[str]]:
    """Render a data set; frames that are there already are kept.

    Args:
        root (Path): Folder to write to.
        settings (SyntheticSettings): What to render.
        num_workers (int): Processes; the result does not depend on it.

    Returns:
        dict[str, list[str]]: Comma ids of every split file.

    Raises:
        ConfigError: ``root`` holds a data set with other settings.
    """
    root = Path(root)
    # Folders without the part do not know of it.
    claim_folder(root, settings,
                 left_out=[] if settings.unlabelled else ['unlabelled'])
    for kind, name in (('gated', 'calib_gated_bwv'),
                       ('left', 'calib_cam_stereo_left')):
        write_json(root / f'{name}.json', calibration(kind, settings.scale))
    conditions = draw_frames(root, settings, write_frame,
                             settings.frames + settings.unlabelled,
                             num_workers, 'scenes')
    splits: dict[str, list[str]] = {name: [] for name in SPLIT_NAMES}
    splits['all'] = []
    for index, (weather, daytime) in enumerate(conditions):
        split, name = split_of(index, settings), comma_id(frame_id(index))
        if split == UNLABELLED:
            splits.setdefault(split, []).append(name)
            continue
        # Officially clear frames alone are split into train, val and test.
        official = (f'{split}_clear_{daytime}' if weather == 'clear' else
                    f'{weather}_{daytime}')
        for key in (split, 'all', official):
            splits.setdefault(key, []).append(name)
    for name, ids in splits.items():
        write_text(root / 'splits' / f'{name}.txt',
                   ''.join(f'{line}\n' for line in ids))
    return splits
