"""Tiny drives as MAVDDataset reads them."""
from mmxkd.datasets.convert.mavd import MavdSettings, convert
from mmxkd.datasets.convert.mavd_frame import SoundSettings
from mmxkd.formats.mavd.layout import read_split
from mmxkd.registry import DATASETS
from tests.helpers.mavd_tree import RATE, SECONDS, SPLITS


def converted(root, splits=SPLITS, **kwargs):
    sound = SoundSettings('auto', sample_rate=RATE, seconds=SECONDS,
                          **kwargs.pop('sound', {}))
    settings = MavdSettings(sound, kwargs.pop('columns', (10, 50)))
    convert(root, {s: read_split(root / f'{s}_all.txt') for s in splits},
            settings, truth=root / 'truth.json', **kwargs)
    return root


def build(root, split='train', **kwargs):
    defaults = dict(type='mmxkd.MAVDDataset', data_root=str(root),
                    ann_file=f'annotations/{split}.json', unlabelled=True,
                    pipeline=[])
    return DATASETS.build({**defaults, **kwargs})
