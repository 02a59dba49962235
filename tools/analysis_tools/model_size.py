"""Parameters and multiply-adds (MACs) of the detector in a config.

Of a distillation, the student is measured. MACs are those of convolutions and
matrix products for one image. Biases, norms, activations and pooling do not
count; neither does what comes after the network's outputs.
"""
import argparse
import sys
from collections.abc import Sequence

import torch
from mmengine.config import Config

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine import launch
from mmxkd.engine.model_config import (
    build_model,
    read_model_config,
    whole_config,
)
from mmxkd.engine.model_size import ModelSize, measure
from mmxkd.errors import ConfigError
from mmxkd.families import family_of


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=launch.existing_file,
                        help='config file of a detector or of a distillation')
    parser.add_argument(
        '--shape', type=int, nargs=2, metavar=('HEIGHT', 'WIDTH'),
        help='size of the image; default: that to which the test pipeline '
        'resizes')
    parser.add_argument('--per-layer', action='store_true',
                        help='a row for each layer')
    args = parser.parse_args()
    if args.shape and min(args.shape) < 1:
        parser.error(f'--shape {" ".join(map(str, args.shape))}: expected '
                     'pixels, 1 or more')
    return args


def input_shape(cfg: Config | dict) -> tuple[int, int]:
    """Height and width to which the test pipeline of a config resizes.

    Raises:
        ConfigError: It does not say, or images keep their ratio.
    """
    loader = cfg.get('test_dataloader') or {}
    for step in loader.get('dataset', {}).get('pipeline', ()):
        scale = step.get('scale')
        if isinstance(scale, (list, tuple)) and len(scale) == 2:
            if step.get('keep_ratio',
                        False) and step['type'].endswith('Resize'):
                raise ConfigError(
                    f'images of the test pipeline keep their ratio within '
                    f'{tuple(scale)}, so that their sizes differ; give '
                    '--shape HEIGHT WIDTH')
            return int(scale[1]), int(scale[0])
    raise ConfigError('the test pipeline resizes to no fixed size; give '
                      '--shape HEIGHT WIDTH')


def size_of(config: str, shape: Sequence[int] | None = None,
            device: str = 'cpu') -> ModelSize:
    """Measure the detector of a config.

    Args:
        config (str): The file.
        shape (Sequence[int], optional): Height and width of the image.
        device (str): ``'meta'`` computes no value, which is fast, but not
            every detector runs on it.
    """
    cfg = whole_config(config, 'config')
    height, width = shape or input_shape(cfg)
    model_cfg, scope = read_model_config(cfg, 'config')
    model = build_model(model_cfg, scope).eval().to(device)
    divisor = getattr(model.data_preprocessor, 'pad_size_divisor', 1)
    height, width = (-(-n // divisor) * divisor for n in (height, width))
    inputs, samples = family_of(model).grey_batch(model, (height, width))
    # Several modalities, and mmdet3d's detectors, come as a dict.
    first = ({name: value[:1] for name, value in inputs.items()} if isinstance(
        inputs, dict) else inputs[:1])
    return measure(model, lambda: model(first, samples[:1], mode='tensor'))


def report(size: ModelSize, per_layer: bool) -> str:
    """The tables as text."""
    lines = []
    if per_layer:
        lines += [
            f'{"layer":48} {"kind":20} {"parameters":>11} {"MACs":>14}  output'
        ]
        lines += [
            f'{row.name:48} {row.kind:20} {row.parameters:11,} '
            f'{row.macs:14,}  {"x".join(map(str, row.output[1:]))}'
            for row in size
        ] + ['']
    lines.append(f'{"part":14} {"trainable":>12} {"statistics":>11} '
                 f'{"MACs":>16} {"without depthwise":>18}')
    for part in [*size.parts(), '']:
        own = size.of(part)
        lines.append(f'{part or "all":14} {own.parameters:12,} '
                     f'{own.statistics:11,} {own.macs:16,} '
                     f'{own.macs - own.depthwise_macs:18,}')
    idle = [
        row.name for row in size
        if row.macs == 0 and not row.calls and _counts(row.kind)
    ]
    if idle:
        lines.append(f'not run, and not in the MACs: {", ".join(idle)}')
    return '\n'.join(lines)


def _counts(kind: str) -> bool:
    return 'Conv' in kind or kind == 'Linear'


def main() -> None:
    args = parse_args()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        print(report(size_of(args.config, args.shape), args.per_layer))


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, OSError) as error:
        sys.exit(f'error: {error}')
