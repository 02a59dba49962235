"""Arguments that several commands have."""
import argparse


def _processes(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'expected 0 or more, got {text!r}')
    return int(text)


def add_workers(parser: argparse.ArgumentParser,
                option: str = '--num-workers') -> None:
    """Let a command work in several processes.

    Args:
        parser (ArgumentParser): Gets the option, by default 2.
        option (str): Its name.
    """
    parser.add_argument(
        option, type=_processes, default=2, metavar='N', help=
        'processes; the result does not depend on it (default: %(default)s)')
