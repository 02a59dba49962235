"""Look at samples as a model gets them: after loading and augmentation.

Draws every modality with its boxes, and all of them over each other, for any
dataset that a config of mmdet or mmdet3d names.

    python tools/analysis_tools/browse_samples.py CONFIG --out look

Batch augmentations and normalisation of a data preprocessor are not run.
"""
import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config, DictAction
from mmengine.registry import DATASETS, init_default_scope
from mmengine.runner import set_random_seed

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine.launch import existing_file
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.io.atomic import write_bytes
from mmxkd.io.escape import escape
from mmxkd.io.images import encode_image
from mmxkd.visualization.packed_samples import boxes_in_file, shown_samples
from mmxkd.visualization.sample_sheet import sample_sheet


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=existing_file,
                        help='a config for training or testing')
    parser.add_argument('--dataloader', choices=('train', 'val', 'test'),
                        default='train',
                        help='whose samples (default: %(default)s)')
    parser.add_argument('--out', type=Path, metavar='FOLDER',
                        help='write PNGs to it')
    parser.add_argument(
        '--show', action='store_true',
        help='show each sheet in a window; the space bar goes '
        'on to the next one')
    parser.add_argument(
        '--number', type=int, default=8, metavar='N',
        help='of samples, evenly spaced (default: '
        '%(default)s)')
    parser.add_argument('--index', type=int, nargs='+', metavar='I',
                        help='these samples, counted from 0')
    parser.add_argument(
        '--draws', type=int, default=1, metavar='N',
        help='how often each is loaded, with other random '
        'numbers (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0,
                        help='of the random numbers (default: %(default)s)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={},
        metavar='KEY=VALUE', help='change keys of the config, e.g. '
        'train_dataloader.dataset.data_root=data/mine')
    args = parser.parse_args(argv)
    for name in ('number', 'draws'):
        if getattr(args, name) < 1:
            raise ConfigError(f'--{name} {getattr(args, name)}: expected 1 or '
                              'more')
    if not args.out and not args.show:
        raise ConfigError('say where to: --out FOLDER, --show, or both')
    return args


def build_dataset(cfg: Config, dataloader: str) -> Any:
    """The dataset of a dataloader.

    Raises:
        ConfigError: The config has no such dataloader, or no sample.
    """
    loader = cfg.get(f'{dataloader}_dataloader')
    if not loader or 'dataset' not in loader:
        known = [key for key in cfg if key.endswith('_dataloader')]
        raise ConfigError(f'{cfg.filename}: has no {dataloader}_dataloader '
                          f'with a dataset; it has {known}')
    init_default_scope(cfg.get('default_scope') or 'mmdet')
    dataset = DATASETS.build(loader.dataset)
    if not len(dataset):
        raise ConfigError(f'{cfg.filename}: the dataset of '
                          f'{dataloader}_dataloader has no sample')
    return dataset


def pipelines(dataset: Any) -> Iterator[list]:
    """The pipelines of a dataset, and of those that it wraps."""
    pipeline = getattr(dataset, 'pipeline', None)
    steps = getattr(pipeline, 'transforms', pipeline)
    if steps:
        yield list(steps)
    inner = getattr(dataset, 'dataset', None)
    for part in getattr(dataset, 'datasets', None) or [inner]:
        if part is not None:
            yield from pipelines(part)


def choose(length: int, args: argparse.Namespace) -> list[int]:
    """Samples by number, or evenly spaced."""
    if args.index is None:
        steps = np.linspace(0, length - 1, min(args.number, length))
        return steps.round().astype(int).tolist()
    for index in args.index:
        if not 0 <= index < length:
            raise ConfigError(f'--index {index}: expected 0 to {length - 1}')
    return args.index


def sheets(dataset: Any,
           args: argparse.Namespace) -> Iterator[tuple[str, np.ndarray]]:
    """Name and picture of each sheet."""
    steps = [step for pipeline in pipelines(dataset) for step in pipeline]
    in_file = any(map(boxes_in_file, pipelines(dataset)))
    # mmdet3d's AffineResize says where the cells of a head are.
    stride = max((getattr(step, 'down_ratio', 1) for step in steps), default=1)
    classes = (getattr(dataset, 'metainfo', None) or {}).get('classes') or ()
    for index in choose(len(dataset), args):
        for draw in range(args.draws):
            # The same picture, whatever else is drawn.
            set_random_seed(args.seed + draw * len(dataset) + index)
            for number, sample in enumerate(
                    shown_samples(dataset[index], in_file, stride)):
                name = f'{index:06d}'
                name += f'_draw{draw}' if args.draws > 1 else ''
                name += f'_{number}' if number else ''
                yield name, sample_sheet(sample, classes)


def check_screen() -> None:
    """Refuse ``--show`` where no window can be opened.

    Raises:
        ConfigError: matplotlib has no backend with windows here.
    """
    from matplotlib import pyplot
    canvas = pyplot.figure().canvas
    pyplot.close()
    if getattr(canvas, 'required_interactive_framework', None) is None:
        raise ConfigError(
            '--show: no window can be opened here (matplotlib\'s backend is '
            f'{pyplot.get_backend()!r}): write files with --out instead')


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    if args.show:
        check_screen()
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options)
    for name, picture in sheets(build_dataset(cfg, args.dataloader), args):
        if args.out:
            path = args.out / f'{name}.png'
            write_bytes(path, encode_image(picture[..., ::-1], '.png'))
            print(path)
        if args.show:
            from mmengine.visualization import Visualizer
            Visualizer().show(picture, win_name=name)


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CorruptSampleError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
