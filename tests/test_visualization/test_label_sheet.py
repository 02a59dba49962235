import numpy as np

from mmxkd.visualization import LabelledPicture, label_sheet
from mmxkd.visualization.label_sheet import COLOURS

GREY = np.full((48, 64, 3), 127, np.uint8)
BOXES = np.array([[10., 10., 30., 40.], [35., 5., 60., 20.]])


def count(sheet: np.ndarray, colour: str) -> int:
    wanted = [int(colour[i:i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(sheet.astype(int) - wanted).max(-1) < 25).sum())


def picture(*labels):
    kept = BOXES[:len(labels)]
    return LabelledPicture('a', GREY, kept, np.full(len(labels), .5),
                           np.array(labels, int))


def test_each_class_has_its_colour():
    """Beyond the legend, which shows all of them."""
    none, one, both = (label_sheet([picture(*labels)], ['x', 'y'], columns=1,
                                   width=5) for labels in ((), (1, ), (1, 0)))
    first, second = COLOURS[:2]
    assert count(one, second) > count(none, second) + 100
    assert count(one, first) == count(none, first)
    assert count(both, first) > count(none, first) + 100


def test_rows_and_columns():
    """Five in rows of four: two rows; the sheet is as wide as asked for."""
    five = label_sheet([picture(0)] * 5, ['x'])
    four = label_sheet([picture(0)] * 4, ['x'])
    assert five.shape[1] == four.shape[1] == 1600
    assert five.shape[0] > four.shape[0] * 1.6
    grey = label_sheet([picture()._replace(image=GREY[..., 0])], ['x'])
    assert grey.dtype == np.uint8 and grey.shape[2] == 3
