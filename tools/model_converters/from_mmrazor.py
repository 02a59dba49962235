"""Write a distillation config of MMRazor in the short form of mmxkd.

Runs the config, as mmengine does to read it, and nothing else: no module that
it names is imported, no model is built and no weights are opened.
"""
import argparse

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine import launch
from mmxkd.errors import ConfigError
from mmxkd.io.escape import escape
from mmxkd.migration import convert_mmrazor


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='What becomes of each key: docs/from_mmrazor.md')
    parser.add_argument('old', metavar='OLD.py', type=launch.existing_file,
                        help="MMRazor's config")
    parser.add_argument('new', metavar='NEW.py',
                        help='the config to write; must not exist')
    return parser.parse_args(argv)


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    done = convert_mmrazor(args.old, args.new)
    print(escape(args.new))
    for note in done.notes:
        print(f'* {escape(note)}')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
