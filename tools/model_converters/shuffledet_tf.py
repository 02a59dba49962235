"""Convert a published ShuffleDet, TensorFlow's variables in an .npz file.

TensorFlow is needed to write the .npz file and not here: docs/fine_grained.md
shows how.
"""
import argparse
import sys
import zipfile
from pathlib import Path

import numpy as np
from mmengine.runner.checkpoint import save_checkpoint

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine import launch
from mmxkd.engine.published.shuffledet_tf import TEACHER, convert_shuffledet
from mmxkd.errors import CheckpointError


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('npz', type=launch.existing_file,
                        help='name → array of every variable')
    parser.add_argument('out', help='checkpoint to write, .pth')
    parser.add_argument(
        '--teacher', action='store_true',
        help='take the teacher of a file that a distillation wrote')
    return parser.parse_args()


def read(path: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz file; nothing in it is run."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, OSError, zipfile.BadZipFile, AttributeError) as error:
        raise CheckpointError(f'{path}: not an .npz file of arrays '
                              f'({error})') from error


def main() -> None:
    args = parse_args()
    if Path(args.out).suffix != '.pth':
        raise CheckpointError(f'{args.out}: the name must end in .pth')
    done = convert_shuffledet(read(args.npz), args.npz,
                              TEACHER if args.teacher else '')
    classes = ('Car', 'Pedestrian', 'Cyclist')
    save_checkpoint(
        dict(state_dict=done.state,
             meta=dict(dataset_meta=dict(classes=classes))), args.out)
    for name, reason in sorted(done.left_out.items()):
        print(f'left out: {name} ({reason})')
    print(f'{args.out}: {len(done.state)} weights and statistics, '
          f'{len(done.left_out)} variables left out; backbone: '
          + ', '.join(f'{k}={v:g}' for k, v in done.backbone.items()))


if __name__ == '__main__':
    try:
        main()
    except CheckpointError as error:
        sys.exit(f'error: {error}')
