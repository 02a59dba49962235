"""The network of a detector as an ONNX file, raw outputs only."""
import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor, nn

from mmxkd.deploy.detector import DECODERS, KEY
from mmxkd.engine.export import load_student
from mmxkd.errors import ConfigError
from mmxkd.io.atomic import write_bytes

from .recipe import head_word, make_recipe

#: ONNX's version of its operators.
OPSET = 18
#: Of the example; any other number works in the file.
_BATCH = 2


class RawOutputs(nn.Module):
    """A detector up to the outputs of its head, all levels in one table.

    Args:
        model (nn.Module): One of :data:`.recipe.SUPPORTED`, in eval mode.

    Attributes:
        names (tuple[str, ...]): Of the outputs.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model.eval()
        self.names = DECODERS[head_word(model)].OUTPUTS
        priors = model.bbox_head.num_base_priors
        self.num_priors = ([priors] if isinstance(priors, int) else
                           list(priors))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(N, 3, H, W) normalised pictures to (N, P, …) per output."""
        levels = self.model.bbox_head(self.model.extract_feat(image))
        return tuple(
            torch.cat([
                self._rows(level, number)
                for level, number in zip(maps, self.num_priors, strict=True)
            ], 1) for maps in levels)

    @staticmethod
    def _rows(level: Tensor, number: int) -> Tensor:
        """(N, A·K, H, W) to (N, H·W·A, K)."""
        channels, height, width = level.shape[1:]
        return level.permute(0, 2, 3, 1).reshape(-1, height * width * number,
                                                 channels // number)


def read_detector(
    config: str | Config, checkpoint: str, options: dict[str, Any]
    | None = None
) -> tuple[nn.Module, Config, tuple[str, ...]]:
    """The trained student of a config, the config, and names of classes.

    Args:
        config (str | Config): Of the detector, or of a distillation.
        checkpoint (str): File or URL.
        options (dict, optional): Keys of the config to change.

    Raises:
        ConfigError: The detector cannot be exported, or nothing says its
            classes.
        CheckpointError: The checkpoint does not fit.
    """
    if not isinstance(config, Config):
        config = Config.fromfile(config)
    config.merge_from_dict(options or {})
    loaded = load_student(config, checkpoint, check=head_word)
    data = loaded.dataset_meta or {}
    classes = tuple(data.get('classes') or ())
    if not classes:
        raise ConfigError(f'{checkpoint}: says no classes, and '
                          f'{config.filename} no metainfo=dict(classes=…)')
    return loaded.model.eval(), loaded.config, classes


def export_onnx(model: nn.Module, cfg: Config, classes: tuple[str, ...],
                out: str | os.PathLike) -> None:
    """Write a detector to an ``.onnx`` file.

    Its input ``image`` is (N, 3, H, W) for any N; its outputs are the raw
    ones of the head. Priors, and how detections are made of these, are in the
    file's metadata.

    Args:
        model (nn.Module): Of :func:`read_detector`, like the next two.
        cfg (Config): With the test pipeline.
        classes (tuple[str, ...]): Names by label.
        out (str | os.PathLike): Ends in ``.onnx``.

    Raises:
        ConfigError: The detector cannot be exported, or ``out`` has another
            ending.
    """
    if Path(out).suffix != '.onnx':
        raise ConfigError(f'{out}: the name must end in .onnx')
    recipe = make_recipe(model, cfg, classes)
    raw = RawOutputs(model)
    example = torch.zeros(_BATCH, 3, *recipe['padded'])
    with _quiet():
        program = torch.onnx.export(
            raw, (example, ), dynamo=True, opset_version=OPSET,
            input_names=['image'], output_names=list(raw.names),
            dynamic_shapes=({0: torch.export.Dim('batch', min=1)}, ),
            verbose=False)
    assert program is not None
    proto = program.model_proto
    # Where in the source each node was traced, with the paths of this machine,
    # and once more the names of all parameters.
    for part in (proto, proto.graph, *proto.graph.node,
                 *proto.graph.value_info, *proto.graph.input,
                 *proto.graph.output, *proto.graph.initializer):
        del part.metadata_props[:]
    entry = proto.metadata_props.add()
    entry.key, entry.value = KEY, json.dumps(recipe)
    write_bytes(out, proto.SerializeToString())


@contextmanager
def _quiet() -> Iterator[None]:
    """Without notes on operators of packages that are not installed."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(level)
