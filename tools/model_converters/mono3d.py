"""Bring published monocular detectors, or their backbone, to our names.

    python tools/model_converters/mono3d.py did_m3d IN.pth OUT.pth
    python tools/model_converters/mono3d.py monoskd IN.pth OUT.pth --part rgb
    python tools/model_converters/mono3d.py gupnet IN.pth OUT.pth
    python tools/model_converters/mono3d.py dla34 dla34-ba72cf86.pth OUT.pth

A tensor that has no place is an error, and so is one that the file lacks. Of
a file of a distillation, --part says which network; adapters beside them are
named with --drop. Classes are put in the order of the config. A file of
dla34 holds the backbone alone:

    init_cfg=dict(type='Pretrained', checkpoint='OUT.pth', prefix='backbone.')
"""
import argparse
from pathlib import Path

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine.meaning import meaning_of_config
from mmxkd.engine.model_config import whole_config
from mmxkd.engine.published import mono3d
from mmxkd.engine.published.files import convert_file
from mmxkd.errors import CheckpointError, ConfigError
from mmxkd.io.escape import escape

#: A network of another geometry runs all the same, with other depths.
SETTINGS = """This network expects the geometry that it was trained in:
    model.bbox_head.projection='by_z', and of mmxkd.RandomFlip3D too
    mmxkd.AffineResize(released_range=True, depth='linear')
In another one its depths are off by 0.6 %: see docs/monommkd.md."""
CONFIGS = Path(__file__).parents[2] / 'configs/monommkd'


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('kind', choices=mono3d.KINDS, help='whose file it is')
    parser.add_argument('source', metavar='IN', help='the published file')
    parser.add_argument('out', metavar='OUT', help='a .pth file to write')
    parser.add_argument('--part', choices=list(mono3d.PARTS),
                        help='the network to take of a distillation')
    parser.add_argument('--drop', nargs='+', default=[], metavar='PREFIX',
                        help='names to leave out, by how they start')
    parser.add_argument(
        '--config', help='of the model (default: student.py, or student_gup.py'
        ' for gupnet, of configs/monommkd)')
    return parser.parse_args(argv)


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    name = 'student_gup.py' if args.kind == 'gupnet' else 'student.py'
    config = args.config or str(CONFIGS / name)
    classes = meaning_of_config(whole_config(config, '--config')).classes
    if classes is None:
        raise ConfigError(f'{config}: nothing says which classes it has')
    done = convert_file(
        args.source, args.out, config,
        mono3d.converter(args.kind, classes, args.part, args.drop),
        classes=classes)
    print(f'{args.out}\n{done.summary()}')
    if args.kind != 'dla34':
        print(SETTINGS)


if __name__ == '__main__':
    try:
        main()
    except (CheckpointError, ConfigError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
