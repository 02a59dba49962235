"""Contenders that take turns, so that a slow spell of the machine hits all."""
import argparse
import statistics
import time
from collections.abc import Callable, Mapping

import torch


def interleave(
        steps: Mapping[str, Callable[[], object]], rounds: int,
        clock: Callable[[],
                        float] = time.process_time) -> dict[str, list[float]]:
    """Seconds of each step in each round, in alternating order.

    By default CPU time of the process, not wall time: other programs on the
    machine disturb it less.
    """
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for index in range(rounds + 1):
        order = list(steps) if index % 2 else list(steps)[::-1]
        for name in order:
            start = clock()
            steps[name]()
            if index:  # the first round warms up
                seconds[name].append(clock() - start)
    return seconds


def ratio(seconds: dict[str, list[float]], name: str,
          base: str) -> tuple[float, float, float]:
    """Median of the ratios round by round, and their quartiles."""
    ratios = sorted(a / b
                    for a, b in zip(seconds[name], seconds[base], strict=True))
    low, _, high = statistics.quantiles(ratios, n=4)
    return statistics.median(ratios), low, high


def print_added(doc: str, measure: Callable[[int, int], dict[str, tuple]],
                digits: int) -> None:
    """The command line of a benchmark of what guards add: a table of shares.

    Args:
        doc (str): Of the benchmark.
        measure (callable): From the size of the pictures and the number of
            rounds to the share of each part: median and quartiles.
        digits (int): Behind the point of a percentage.
    """
    parser = argparse.ArgumentParser(description=doc.split('\n')[0])
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--size', type=int, default=512)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print('| what | added | quartiles |\n|---|---|---|')
    for name, found in measure(args.size, args.rounds).items():
        median, low, high = (f'{100 * value:.{digits}f} %' for value in found)
        print(f'| {name} | {median} | {low} – {high} |')
