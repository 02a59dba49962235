"""Convert a published ShuffleDet, TensorFlow's variables in an .npz file.

TensorFlow is needed to write the .npz file and not here: docs/fine_grained.md
shows how.
"""
import argparse
import sys
from pathlib import Path

import numpy as np
from mmengine.runner.checkpoint import save_checkpoint

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine import launch
from mmxkd.engine.published.shuffledet_tf import TEACHER, convert_shuffledet
from mmxkd.errors import CheckpointError, ConfigError
from mmxkd.io.array_file import ARCHIVE_FAULTS
from mmxkd.io.escape import escape


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
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError('one array without a name, as of numpy.save')
        with file:
            found = {name: file[name] for name in file.files}
        # Members of other zip archives, such as PyTorch's, are bytes.
        other = [n for n, v in found.items() if not isinstance(v, np.ndarray)]
        if other:
            raise ValueError(f'{other[0]} is not an array')
        return found
    # A damaged shape may ask for more memory than there is.
    except (*ARCHIVE_FAULTS, OSError, MemoryError) as error:
        raise CheckpointError(
            f'{path}: not an .npz file of arrays '
            f'({str(error) or type(error).__name__})') from error


def main() -> None:
    args = parse_args()
    out = Path(args.out)
    if out.suffix != '.pth':
        raise ConfigError(f'{out}: the name must end in .pth')
    if out.exists() and out.samefile(args.npz):
        raise ConfigError(f'{out}: would replace the file it is made of')
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
    except (CheckpointError, ConfigError, OSError) as error:
        sys.exit(f'error: {escape(error)}')
