"""Published EfficientDet weights, made into files that mmdet loads."""
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mmengine.runner import checkpoint as checkpoints
from torch import Tensor

from mmxkd.engine.finite import check_checkpoint
from mmxkd.engine.model_config import build_model, read_model_config
from mmxkd.engine.weights import (
    LoadReport,
    compare,
    read_checkpoint,
    weights_in,
)
from mmxkd.errors import CheckpointError, ConfigError, check_known

from .efficientdet_names import our_names

_CLASSES = tuple(f'bbox_head.cls_branch.predictor.pointwise.{name}'
                 for name in ('weight', 'bias'))
#: What may differ on request, and the weights that this concerns.
EXCEPTIONS = dict(stem=('backbone.layers.0.conv.weight', ), classes=_CLASSES)


def convert_efficientdet(
        config: str, checkpoint: str, out: str | os.PathLike,
        exceptions: Sequence[str] = (),
        take_classes: Sequence[int] | None = None) -> LoadReport:
    """Write a published checkpoint under our names.

    Args:
        config (str): Config of the model that the weights are for.
        checkpoint (str): A file of Yet-Another-EfficientDet or of
            MM-DistillNet, with or without the prefixes of its wrappers.
        out (str | os.PathLike): File to write, ``.pth``.
        exceptions (Sequence[str]): Of ``'stem'`` and ``'classes'``: weights
            that may have another shape than the model's. They are written as
            they are; ``StemInitHook`` starts them anew.
        take_classes (Sequence[int], optional): Classes of the file that
            become the model's classes 0, 1, …; of COCO's 90: car 2, bus 5,
            truck 7.

    Returns:
        LoadReport: What fits.

    Raises:
        ConfigError: A word is unknown, or the file holds no such class.
        CheckpointError: The file does not fill the whole model, or holds
            more than that. Nothing is written.
    """
    for word in exceptions:
        check_known('exceptions', word, EXCEPTIONS)
    cfg, scope = read_model_config(config, 'config')
    model: Any = build_model(cfg, scope)
    own = model.state_dict()
    try:
        weights = our_names(
            weights_in(read_checkpoint(checkpoint), checkpoint), own)
    except ValueError as error:
        raise CheckpointError(f'{checkpoint}: {error}') from error
    if take_classes is not None:
        _take_classes(weights, take_classes, model.bbox_head.num_base_priors,
                      checkpoint)
    report = compare(model, weights, checkpoint)
    allowed = {name for word in exceptions for name in EXCEPTIONS[word]}
    refused = replace(
        report, mismatched=[
            text for text in report.mismatched
            if text.split()[0] not in allowed
        ])
    if not refused.fits:
        raise CheckpointError(
            f'{checkpoint} does not fit {config}; nothing is written.\n'
            f'{report}')
    check_checkpoint(weights, checkpoint)
    checkpoints.save_checkpoint(
        dict(state_dict=weights,
             meta=dict(converted_from=os.path.basename(checkpoint))),
        os.fspath(out))
    return report


def _take_classes(weights: dict[str, Tensor], classes: Sequence[int],
                  anchors: int, checkpoint: str) -> None:
    for name in _CLASSES:
        if name not in weights:
            continue  # The report says that it is missing.
        value = weights[name]
        count = len(value) // anchors
        bad = [c for c in classes if not 0 <= c < count]
        if bad or len(value) % anchors:
            raise ConfigError(
                f'{checkpoint}: its {len(value)} rows of {name} are {count} '
                f'classes of {anchors} anchors; there is no class {bad}')
        rows = value.unflatten(0, (anchors, count))
        weights[name] = rows[:, list(classes)].flatten(0, 1)
