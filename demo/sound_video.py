"""Show what a detector hears in a drive: a GIF of its boxes and tracks."""
import argparse
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.apis import init_detector
from mmengine.config import Config, DictAction
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS

import mmxkd.datasets
import mmxkd.models  # noqa: F401  (registers what configs name)
from mmxkd.engine.weights import compare, read_weights
from mmxkd.errors import (
    CheckpointError,
    ConfigError,
    CorruptSampleError,
    check_number,
    did_you_mean,
)
from mmxkd.evaluation.metrics.following import (
    build_tracker,
    byte_tracker,
    follow,
    tracker_config,
)
from mmxkd.evaluation.metrics.samples import instances_of
from mmxkd.io.atomic import write_bytes
from mmxkd.io.escape import escape
from mmxkd.io.images import read_image
from mmxkd.visualization import draw_tracks, encode_gif, grey_picture

TRAIL = 8
"""Frames whose boxes a trail goes back to."""
SAMPLES = 4
"""Frames whose colours the GIF has."""


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', type=Path, help='config of the detector')
    parser.add_argument('checkpoint', type=Path, help='its weights')
    parser.add_argument(
        'drive', help='name or folder of a drive in the '
        "config's test data set")
    parser.add_argument('--out', type=Path, default=Path('drive.gif'),
                        help='GIF to write (default: %(default)s)')
    parser.add_argument('--start', type=int, default=0, metavar='N',
                        help='first frame (default: %(default)s)')
    parser.add_argument('--frames', type=int, default=100, metavar='N',
                        help='at most as many (default: %(default)s)')
    parser.add_argument(
        '--step', type=int, default=1, metavar='N',
        help='each Nth frame; tracks are of these (default: %(default)s)')
    parser.add_argument(
        '--score-thr', type=float, default=0.1, metavar='SCORE',
        help='detections below are left out (default: %(default)s)')
    parser.add_argument(
        '--start-score', type=float, metavar='SCORE',
        help='at which ByteTracker starts a track (default: as the metric of '
        'the config says); tools/analysis_tools/tune_tracker.py chooses it')
    parser.add_argument('--seconds', type=float, default=0.2,
                        help='that each frame is shown (default: %(default)s)')
    parser.add_argument('--zoom', type=int, default=2,
                        help='of the pictures (default: %(default)s)')
    parser.add_argument('--device', default='cpu',
                        help='of the model (default: %(default)s)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={},
        metavar='KEY=VALUE', help='change keys of the config, e.g. '
        'test_dataloader.dataset.data_root=data/mine/')
    args = parser.parse_args(argv)
    if args.out.suffix.lower() != '.gif':
        parser.error(f'--out {args.out}: expected a name in .gif; no other '
                     'form of video is written')
    try:
        check_number('--score-thr', args.score_thr, 0, 1)
        # A GIF counts hundredths of a second with 16 bits.
        check_number('--seconds', args.seconds, 0.02, 600)
        for name in ('zoom', 'frames', 'step'):
            check_number(f'--{name}', getattr(args, name), 1, whole=True)
        check_number('--start', args.start, 0, whole=True)
        if args.start_score is not None:
            byte_tracker(args.start_score)
        device = torch.device(args.device)
    except (ConfigError, RuntimeError) as error:
        parser.error(str(error))
    if device.type == 'cuda' and not torch.cuda.is_available():
        parser.error(f'--device {args.device}: torch finds no such device')
    return args


def frames_of(dataset: Any, drive: str) -> list[int]:
    """Numbers of the samples of a drive, in the order of time.

    Args:
        dataset: That gives ``drive`` and ``time`` of each sample.
        drive (str): Name or folder.

    Raises:
        ConfigError: It has no such drive, or no drives.
    """
    name = Path(drive).name
    found = [(info.get('drive'), info.get('time'), index)
             for index, info in enumerate(
                 map(dataset.get_data_info, range(len(dataset))))]
    chosen = sorted(
        (time, index) for known, time, index in found if known == name)
    if not chosen:
        known = {known for known, _, _ in found if known is not None}
        raise ConfigError(f'the test data set has no drive {name!r}; '
                          + did_you_mean(name, known))
    return [index for _, index in chosen]


def part_of(indices: list[int], start: int, count: int,
            step: int) -> list[int]:
    """Some samples of a drive.

    Raises:
        ConfigError: It ends before ``start``.

    Examples:
        >>> part_of([7, 8, 9, 10, 11], 1, 2, 3)
        [8, 11]
    """
    if start >= len(indices):
        raise ConfigError(f'--start={start}: the drive has frames 0..'
                          f'{len(indices) - 1}')
    return indices[start::step][:count]


def load_model(config: Config, checkpoint: Path, device: str) -> Any:
    """The detector, with all of its weights.

    Raises:
        CheckpointError: A weight is missing, left over or of another shape;
            those of a distiller, ``distiller.*``, may be there.
    """
    weights = read_weights(checkpoint)
    model = init_detector(config, str(checkpoint), device=device)
    report = compare(model, weights, str(checkpoint))
    if not report.fits:
        raise CheckpointError(f'{report}\n  A detector that is partly random '
                              'hears nothing: is it of another config?')
    return model


def detect(model: Any, sample: dict, score_thr: float) -> np.ndarray:
    """Detections of one sample, (N, 6) x1, y1, x2, y2, score, label."""
    (result, ) = model.test_step(pseudo_collate([sample]))
    table = np.column_stack(
        instances_of('of the drive', result.to_dict(), 'pred_instances',
                     ('bboxes', 'scores', 'labels')))
    return table[table[:, 4] >= score_thr]


def tracker_of(config: Config) -> Mapping[str, Any]:
    """The tracker of the config's metric, or the usual one."""
    evaluators = config.get('test_evaluator') or []
    if isinstance(evaluators, dict):
        evaluators = [evaluators]
    for evaluator in evaluators:
        if str(evaluator.get('type')).split('.')[-1] == 'DriveTrackMetric':
            return tracker_config(evaluator.get('tracker'),
                                  evaluator.get('start_score'))
    return tracker_config()


def pictures_of(info: dict, thermal: bool) -> list[np.ndarray]:
    """What the cameras see: colour and, on request, thermal, RGB."""
    pictures = [read_image(info['img_path'], 'rgb')[..., ::-1]]
    if thermal:
        pictures.append(
            grey_picture(read_image(info['thermal_path'], 'thermal')))
    if 'columns' in info:  # the part of the pictures that boxes lie in
        first, last = info['columns']
        pictures = [picture[:, first:last] for picture in pictures]
    return [np.ascontiguousarray(picture) for picture in pictures]


def has_thermal(infos: list[dict]) -> bool:
    """Whether all frames have a thermal picture; says so if only some do."""
    lacking = [
        info for info in infos
        if not os.path.isfile(info.get('thermal_path', ''))
    ]
    if 0 < len(lacking) < len(infos):
        print(f'{len(lacking)} of {len(infos)} frames have no thermal '
              f'picture, the first of them {lacking[0]["img_path"]}: colours '
              'are shown alone')
    return not lacking


def draw(infos: list[dict], tracks: list[np.ndarray], zoom: int,
         thermal: bool = False) -> Iterator[np.ndarray]:
    """One picture for each frame: its cameras, one below the other."""
    trails: dict[int, list[np.ndarray]] = defaultdict(list)
    captions = ('tracks by sound over what a camera sees; dashed: truth',
                'the same over a thermal picture')
    for info, rows in zip(infos, tracks, strict=True):
        for row in rows:
            trails[int(row[0])].append((row[1:3] + row[3:5]) / 2)
        shown = {int(row[0]): trails[int(row[0])][-TRAIL:] for row in rows}
        truth = np.array([box['bbox'] for box in info.get('instances', [])
                          ]).reshape(-1, 4)
        yield np.concatenate([
            draw_tracks(picture, rows, truth, shown, caption,
                        zoom) for picture, caption in zip(
                            pictures_of(info, thermal), captions, strict=False)
        ])


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    config = Config.fromfile(args.config)
    config.merge_from_dict(args.cfg_options)
    if 'test_dataloader' not in config:
        raise ConfigError(f'{args.config}: has no test_dataloader, in whose '
                          'data set a drive could be')
    # First of all what fails at once.
    tracker = build_tracker(
        tracker_of(config) if args.start_score is
        None else byte_tracker(args.start_score))
    model = load_model(config, args.checkpoint, args.device)
    dataset = DATASETS.build(config.test_dataloader.dataset)
    whole = frames_of(dataset, args.drive)
    indices = part_of(whole, args.start, args.frames, args.step)
    infos = [dataset.get_data_info(index) for index in indices]
    thermal = has_thermal(infos)
    found = [
        detect(model, dataset[index], args.score_thr) for index in indices
    ]
    tracks = follow(tracker, found)
    few = slice(None, None, -(-len(infos) // SAMPLES))
    samples = list(draw(infos[few], tracks[few], args.zoom, thermal))
    pictures = draw(infos, tracks, args.zoom, thermal)
    write_bytes(args.out, encode_gif(pictures, args.seconds, samples))
    ids = {int(row[0]) for rows in tracks for row in rows}
    print(f'{args.out}: {len(indices)} of {len(whole)} frames, '
          f'{sum(map(len, found))} detections, {len(ids)} tracks')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CheckpointError, CorruptSampleError, OSError,
            ModuleNotFoundError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
