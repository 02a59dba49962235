"""Seeds of an experiment, as a command names them."""
import argparse


def seeds_of(text: str) -> range:
    """Type of an argument: a number of seeds, or the first and the last.

    Raises:
        argparse.ArgumentTypeError: It is neither.

    Examples:
        >>> seeds_of('5'), seeds_of('3-4')
        (range(0, 5), range(3, 5))
    """
    first, dash, last = text.partition('-')
    if first.isdecimal():
        if not dash and int(first):
            return range(int(first))
        if last.isdecimal() and int(first) <= int(last):
            return range(int(first), int(last) + 1)
    raise argparse.ArgumentTypeError(
        f'expected 1 or more seeds, or FROM-TO, got {text!r}')
