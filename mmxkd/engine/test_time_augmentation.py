"""Test-time augmentation of a config that has none."""
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmxkd.errors import ConfigError

from .mirrored import cut

#: Keys that merging needs, beside those that the config packs.
FLIP_KEYS = ('flip', 'flip_direction')


def augment_tests(cfg: Config) -> None:
    """Use ``tta_model`` and ``tta_pipeline`` of the config, as mmdet's
    ``tools/test.py --tta`` does.

    Without them the detections of each picture and of its mirror image are
    merged.

    Args:
        cfg (Config): Changed in place.

    Raises:
        ConfigError: Its test pipeline does not end in packing inputs.
    """
    if isinstance(cfg.model.get('module'), Mapping):
        raise ConfigError('--tta: the model of the config is one for '
                          'test-time augmentation already; leave it out')
    model = cfg.get('tta_model') or dict(
        type='DetTTAModel', tta_cfg=dict(
            nms=dict(type='nms', iou_threshold=0.5), max_per_img=100))
    datasets = _datasets(cfg.test_dataloader['dataset'])
    for dataset in datasets:
        dataset['pipeline'] = cfg.get('tta_pipeline') or _mirrored(
            dataset.get('pipeline') or [])
    cfg.model = dict(model, module=cfg.model)


def _datasets(dataset: Mapping) -> list[Any]:
    """Those with a pipeline, inside of wrappers."""
    if 'datasets' in dataset:
        return [d for part in dataset['datasets'] for d in _datasets(part)]
    if 'dataset' in dataset:
        return _datasets(dataset['dataset'])
    return [dataset]


def _mirrored(pipeline: list) -> list:
    loading, packing, flip = cut(pipeline, '--tta',
                                 'set tta_pipeline in the config')
    keys = packing.get(
        'meta_keys',
        ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))
    packing['meta_keys'] = tuple(dict.fromkeys((*keys, *FLIP_KEYS)))
    # The picture as it is comes first: merged detections take over its
    # labels, and those of a mirror image would be mirrored.
    return [
        *loading,
        dict(
            type='TestTimeAug',
            transforms=[[dict(type=flip, prob=0.),
                         dict(type=flip, prob=1.)], [packing]])
    ]
