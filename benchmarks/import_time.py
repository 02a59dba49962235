"""CPU time of ``import mmxkd`` against ``import mmdet``, in turn.

Usage: ``python benchmarks/import_time.py [--rounds 7]``
"""
import argparse
import os
import statistics
import subprocess
import sys


def cpu_seconds(module: str) -> float:
    """CPU time of a fresh interpreter that imports one module."""
    before = os.times()
    subprocess.run([sys.executable, '-W', 'ignore', '-c', f'import {module}'],
                   check=True)
    after = os.times()
    return (after.children_user - before.children_user + after.children_system
            - before.children_system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=7)
    args = parser.parse_args()
    modules = ('mmxkd', 'mmdet')
    seconds: dict[str, list[float]] = {module: [] for module in modules}
    for index in range(args.rounds + 1):
        for module in modules:
            spent = cpu_seconds(module)
            if index:  # the first round warms the file cache
                seconds[module].append(spent)
    for module in modules:
        values = seconds[module]
        print(f'import {module}: median {statistics.median(values):.2f} s '
              f'[{min(values):.2f}, {max(values):.2f}]')
    ratios = [a / b for a, b in zip(*seconds.values(), strict=True)]
    print(f'mmxkd ÷ mmdet {statistics.median(ratios):.3f} '
          f'[{min(ratios):.3f}, {max(ratios):.3f}], bar 1.10')


if __name__ == '__main__':
    main()
