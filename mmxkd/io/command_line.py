"""Arguments that several commands have."""
import argparse
import os

#: Without being asked, no more: a machine has other work too.
_AT_MOST = 8


def _processes(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'expected 0 or more, got {text!r}')
    return int(text)


def add_workers(parser: argparse.ArgumentParser,
                option: str = '--num-workers') -> None:
    """Let a command work in several processes.

    Args:
        parser (ArgumentParser): Gets the option, by default one process for
            each core, and at most 8.
        option (str): Its name.
    """
    parser.add_argument(
        option, type=_processes, metavar='N',
        default=min(_AT_MOST,
                    os.cpu_count() or 1),
        help='processes; the result does not depend on it (default: the '
        f'cores, at most {_AT_MOST}; here %(default)s)')
