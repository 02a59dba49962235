"""What a deployed detector does beside its network, read off a config."""
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmdet.models.detectors import SingleStageDetector
from mmdet.structures.bbox import get_box_tensor
from mmengine.config import Config

from mmxkd.deploy.detector import DECODERS, FORMAT
from mmxkd.deploy.priors import pack_priors
from mmxkd.engine.launch import type_name
from mmxkd.errors import ConfigError
from mmxkd.models import ClasswiseSSDHead, ConvDetHead

from .pictures import single_datasets

#: Heads with detections in numpy, and the word for it in the file.
HEADS = {ClasswiseSSDHead: 'ssd', ConvDetHead: 'convdet'}
SUPPORTED = ('a one-stage detector (SingleStageDetector) whose bbox_head is '
             'mmxkd.ConvDetHead (ShuffleDet), mmxkd.ClasswiseSSDHead or '
             'mmxkd.SSDLiteHead (SSD)')
# Steps of a test pipeline that the deployed detector does, or does without.
_STEPS = ('LoadImageFromFile', 'ImageToFloat32', 'Resize', 'LoadAnnotations',
          'PackDetInputs')
# Options of these steps that change pixels, and what the detector does.
_OPTIONS: dict[str, dict[str, Any]] = dict(
    LoadImageFromFile=dict(color_type='color', imdecode_backend='cv2'),
    Resize=dict(interpolation='bilinear', backend='cv2', keep_ratio=False,
                scale_factor=None))


def head_word(model: torch.nn.Module) -> str:
    """Which decoder goes with a detector: ``'ssd'`` or ``'convdet'``.

    Raises:
        ConfigError: There is none; names what is supported.
    """
    head = getattr(model, 'bbox_head', None)
    for kind, word in HEADS.items():
        if isinstance(model, SingleStageDetector) and isinstance(head, kind):
            assert word in DECODERS
            return word
    what = type(model).__name__
    if head is not None:
        what += f' with a {type(head).__name__}'
    raise ConfigError(f'model: {what} cannot be exported: its detections have '
                      f'no version without PyTorch. Expected {SUPPORTED}')


def make_recipe(model: Any, cfg: Config, classes: tuple) -> dict[str, Any]:
    """How pictures become inputs, and raw outputs become boxes.

    Args:
        model (SingleStageDetector): One of :data:`SUPPORTED`.
        cfg (Config): Its whole config, with a test pipeline.
        classes (tuple[str, ...]): Names by label.

    Raises:
        ConfigError: The detector, its test pipeline or its preprocessor has
            a part that a deployed detector does not do.
    """
    head = model.bbox_head
    word = head_word(model)
    if not head.test_cfg:
        raise ConfigError('model.test_cfg: there is none, and nothing says '
                          'how a deployed detector chooses its boxes')
    if len(classes) != head.num_classes:
        raise ConfigError(f'{len(classes)} names of classes, expected '
                          f'{head.num_classes}: those of bbox_head')
    resized, in_float = _resizing(cfg)
    view = _normalising(model.data_preprocessor)
    divisor = view.pop('divisor')
    padded = [-(-side // divisor) * divisor for side in resized]
    value = model.data_preprocessor.pad_value
    if padded != resized and value:
        raise ConfigError(f'data_preprocessor: pad_value={value}: a deployed '
                          'detector pads with 0')
    return dict(
        format=FORMAT, head=word, classes=list(classes), resized=resized,
        padded=padded, resize_float=in_float, priors=_priors(model, padded),
        options=_ssd_options(head) if word == 'ssd' else
        _convdet_options(head), **view)


def _resizing(cfg: Config) -> tuple[list[int], bool]:
    """Height and width, and whether pixels are floats while resized."""
    found = [_resizing_of(steps) for steps in _pipelines(cfg)]
    if any(one != found[0] for one in found):
        raise ConfigError('test_dataloader: its datasets prepare pictures in '
                          f'different ways: {found}; expected one size')
    return found[0]


def _pipelines(cfg: Config) -> list[Sequence[Mapping]]:
    """Of each dataset that ``test_dataloader`` reads."""
    loader = cfg.get('test_dataloader') or {}
    return [
        part.get('pipeline') or ()
        for part in single_datasets(loader.get('dataset') or {})
    ]


def _resizing_of(pipeline: Sequence[Mapping]) -> tuple[list[int], bool]:
    size, in_float = None, False
    for step in pipeline:
        name = type_name(step)
        if name not in _STEPS:
            raise ConfigError(f'test pipeline: a deployed detector does not '
                              f'do {name}; expected some of {_STEPS}')
        for key, done in _OPTIONS.get(name, {}).items():
            if step.get(key, done) != done:
                raise ConfigError(
                    f'test pipeline: {name} with {key}={step[key]!r}: a '
                    f'deployed detector does {key}={done!r} alone')
        if name == 'Resize':
            scale = step.get('scale')
            if not isinstance(scale, (list, tuple)) or len(scale) != 2:
                raise ConfigError(f'test pipeline: Resize to {scale}: '
                                  'expected one fixed size, scale=(W, H)')
            if size is not None:
                raise ConfigError('test pipeline: Resize is there twice; a '
                                  'deployed detector resizes once')
            size = [int(scale[1]), int(scale[0])]
        elif size is None:
            in_float |= name == 'ImageToFloat32' or step.get(
                'to_float32', False)
    if size is None:
        raise ConfigError('test pipeline: no Resize; expected one, to a fixed '
                          'size')
    return size, in_float


def _normalising(preprocessor: Any) -> dict[str, Any]:
    name = type(preprocessor).__name__
    if name != 'DetDataPreprocessor' or preprocessor.batch_augments:
        raise ConfigError(f'data_preprocessor: {name} cannot be exported; '
                          'expected DetDataPreprocessor without '
                          'batch_augments')
    plain = not preprocessor._enable_normalize
    return dict(
        mean=[0.] * 3 if plain else preprocessor.mean.flatten().tolist(),
        std=[1.] * 3 if plain else preprocessor.std.flatten().tolist(),
        to_rgb=bool(preprocessor._channel_conversion),
        divisor=preprocessor.pad_size_divisor)


def _priors(model: Any, size: list[int]) -> str:
    """(P, 4) of all levels, packed."""
    with torch.no_grad():
        maps = model.extract_feat(torch.zeros(1, 3, *size))
    sizes = [tuple(level.shape[2:]) for level in maps]
    priors = model.bbox_head.prior_generator.grid_priors(sizes, device='cpu')
    table = torch.cat([get_box_tensor(p) for p in priors]).numpy()
    return pack_priors(table)


def _iou_threshold(nms: Mapping[str, Any]) -> float:
    if nms.get('type') != 'nms' or set(nms) - {'type', 'iou_threshold'}:
        raise ConfigError(f'test_cfg.nms={dict(nms)}: expected '
                          "dict(type='nms', iou_threshold=…)")
    return float(nms['iou_threshold'])


def _ssd_options(head: Any) -> dict[str, Any]:
    coder, cfg = head.bbox_coder, head.test_cfg
    if type(coder).__name__ != 'DeltaXYWHBBoxCoder' or any(
            coder.means) or coder.add_ctr_clamp:
        raise ConfigError(
            f'bbox_head.bbox_coder: {type(coder).__name__} cannot be exported '
            'as it is; expected DeltaXYWHBBoxCoder with target_means of 0 and '
            'without add_ctr_clamp')
    return dict(
        stds=list(coder.stds),
        # mmdet's default of wh_ratio_clip, which its heads do not change.
        max_ratio=float(abs(np.log(16 / 1000))),
        clip=bool(coder.clip_border),
        score_thr=cfg['score_thr'],
        top_k=cfg['top_k'],
        iou_threshold=_iou_threshold(cfg['nms']),
        max_per_img=cfg['max_per_img'])


def _convdet_options(head: Any) -> dict[str, Any]:
    cfg = head.test_cfg
    if type(head.bbox_coder).__name__ != 'SqueezeDetBBoxCoder':
        raise ConfigError('bbox_head.bbox_coder: '
                          f'{type(head.bbox_coder).__name__} cannot be '
                          'exported; expected mmxkd.SqueezeDetBBoxCoder')
    return dict(nms_pre=cfg['nms_pre'], score_thr=cfg.get('score_thr', 0),
                max_per_class=cfg['max_per_class'],
                iou_threshold=_iou_threshold(cfg['nms']))
