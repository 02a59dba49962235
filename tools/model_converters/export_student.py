"""Write the plain student of a distilled checkpoint to a file of its own."""
import argparse

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine import launch
from mmxkd.engine.export import export_student
from mmxkd.errors import CheckpointError, ConfigError
from mmxkd.io.escape import escape


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog='The file loads into the config of the '
        'plain student, without mmxkd. It holds no optimizer: a run cannot '
        'be resumed from it.')
    parser.add_argument('config', type=launch.existing_file,
                        help='config of the distillation, or of the student')
    parser.add_argument('checkpoint', type=launch.existing_file,
                        help='checkpoint file or URL')
    parser.add_argument('out', help='file to write; ends in .safetensors or '
                        '.pth')
    args = parser.parse_args()
    names = export_student(args.config, args.checkpoint, args.out)
    print(f'{args.out}: {len(names)} weights and statistics of the student')


if __name__ == '__main__':
    try:
        main()
    except (CheckpointError, ConfigError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
