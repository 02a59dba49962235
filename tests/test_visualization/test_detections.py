import numpy as np
import pytest

from mmxkd.visualization import Panel, compare_detections, match_detections

BOX = np.array([[10., 10., 20., 30.]])
NONE = np.zeros((0, 4))


def test_best_score_takes_the_object():
    boxes = np.array([[10, 10, 20, 30], [11, 10, 20, 30], [50, 50, 60, 60]],
                     float)
    right, found = match_detections(boxes, np.array([.5, .9, .8]), BOX)
    assert right.tolist() == [False, True, False]
    assert found.tolist() == [True]


def test_each_detection_takes_the_object_that_it_overlaps_most():
    truth = np.array([[0, 0, 10, 10], [4, 0, 14, 10]], float)
    boxes = truth[::-1].copy()
    right, found = match_detections(boxes, np.array([.9, .8]), truth)
    assert right.all() and found.all()


@pytest.mark.parametrize('height, expected', [(10.1, True), (9.9, False)])
def test_overlap_of_a_half_is_enough(height, expected):
    # 10 wide, `height` of 20 high: the overlap is height / 20.
    box = np.array([[10, 10, 20, 10 + height]])
    right, found = match_detections(box, np.array([.9]), BOX)
    assert right.tolist() == found.tolist() == [expected]


def test_nothing_matches_nothing():
    right, found = match_detections(NONE, np.zeros(0), BOX)
    assert right.shape == (0, ) and found.tolist() == [False]
    right, found = match_detections(BOX, np.ones(1), NONE)
    assert right.tolist() == [False] and found.shape == (0, )


def colours(picture: np.ndarray, colour: str) -> int:
    """Pixels of about this colour."""
    wanted = [int(colour[i:i + 2], 16) for i in (1, 3, 5)]
    near = np.abs(picture.astype(int) - wanted).max(-1) < 25
    return int(near.sum())


def test_colours_tell_found_missed_and_wrong():
    grey = np.full((48, 64, 3), 127, np.uint8)
    wrong = np.array([[40., 10., 50., 20.]])

    def drawn(**panel):
        picture = compare_detections([Panel('', grey, **panel)], columns=1,
                                     width=5)
        return [colours(picture, c) for c in ('#56B4E9', '#F0E442', '#D55E00')]

    legend = drawn()
    truth = drawn(truth=BOX)
    found = drawn(truth=BOX, boxes=BOX, scores=np.ones(1))
    missed = drawn(truth=BOX, boxes=NONE)
    bad = drawn(truth=NONE, boxes=wrong, scores=np.ones(1))
    assert truth[0] > missed[0] > legend[0]  # missed ones are dotted
    assert truth[1:] == legend[1:]
    assert found[1] > legend[1] and found[0] == legend[0]
    assert bad[2] > legend[2] and bad[:2] == legend[:2]


def test_grid_of_grey_and_colour_panels():
    grey = np.zeros((48, 64), np.uint8)
    panels = [Panel(str(i), grey) for i in range(5)]
    picture = compare_detections(panels, 'title', columns=4, width=8)
    assert picture.dtype == np.uint8 and picture.shape[1:] == (800, 3)
    # Two rows of 150 pixels, their titles, and the legend.
    assert 300 < picture.shape[0] < 500


@pytest.mark.parametrize('panels, rows, columns', [(3, 1, 3), (8, 2, 4),
                                                   (9, 2, 5), (11, 3, 4)])
def test_few_places_of_the_grid_stay_empty(panels, rows, columns):
    white = np.full((60, 90, 3), 255, np.uint8)
    white[..., 1] = 0  # magenta, which nothing else of the sheet is
    picture = compare_detections([Panel('', white)] * panels, width=9)
    magenta = (picture == white[0, 0]).all(-1)
    assert np.diff(magenta.any(1).astype(int), prepend=0).clip(0).sum() == rows
    assert np.diff(magenta.any(0).astype(int),
                   prepend=0).clip(0).sum() == columns
