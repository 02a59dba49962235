"""Intersections of rotated boxes: ours against shapely's, in turn.

20 000 pairs: identical boxes, boxes 1e-9 to 1e-6 apart, boxes turned by a full
circle, boxes half a metre and two metres apart.

Usage: ``python benchmarks/rotated_boxes.py [--rounds 15]``
"""
import argparse
import sys
from pathlib import Path

import numpy as np
import shapely
from interleaved import interleave, ratio

from mmxkd.evaluation.functional import rotated_intersection

# The opponent is also what the tests compare with.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.helpers.shapely_boxes import by_shapely, pairs  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=15)
    args = parser.parse_args()
    boxes, others = pairs()
    apart = np.abs(
        rotated_intersection(boxes, others) - by_shapely(boxes, others)).max()
    print(f'largest difference {apart:.1e} square metres, bar 1e-9')
    seconds = interleave(
        {
            'mmxkd': lambda: rotated_intersection(boxes, others),
            'shapely': lambda: by_shapely(boxes, others)
        }, args.rounds)
    middle, low, high = ratio(seconds, 'shapely', 'mmxkd')
    print(f'shapely {shapely.__version__} ÷ mmxkd {middle:.1f} '
          f'[{low:.1f}, {high:.1f}], bar 10')


if __name__ == '__main__':
    main()
