"""A sheet of all modalities of a sample."""
import numpy as np
import pytest

from mmxkd.visualization.label_sheet import COLOURS
from mmxkd.visualization.packed_samples import FlatBoxes, ShownSample
from mmxkd.visualization.sample_sheet import sample_sheet

GREY = np.full((48, 64, 3), 127, np.uint8)


def boxes_of(labels=(), ignored=(), scores=None) -> FlatBoxes:
    corners = np.array([[10., 10, 30, 40], [35, 5, 60, 20]])[:len(labels)]
    return FlatBoxes(
        corners, np.array(labels, int), np.array(ignored, bool),
        np.full(len(labels), np.nan) if scores is None else np.array(scores))


def count(sheet: np.ndarray, colour: str) -> int:
    wanted = [int(colour[i:i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(sheet.astype(int) - wanted).max(-1) < 25).sum())


def drawn(arrays, **boxes) -> np.ndarray:
    return sample_sheet(ShownSample('t', arrays, boxes_of(**boxes)),
                        ['a', 'b'])


def test_boxes_stand_on_each_modality_and_on_all_of_them():
    """Four pictures have the boxes of three modalities."""
    one = count(drawn(dict(img=GREY), labels=[1], ignored=[0]), COLOURS[1])
    arrays = dict(img=GREY, gated=GREY, thermal=GREY[..., :1])
    four = count(drawn(arrays, labels=[1], ignored=[0]), COLOURS[1])
    # One picture is twice as wide as each of four; the legend has one line.
    assert 1.5 * one < four < 2.5 * one


def test_a_dashed_box_has_gaps():
    whole, dashed = (count(drawn(dict(img=GREY), labels=[1], ignored=[k]),
                           COLOURS[1]) for k in (0, 1))
    assert 0.4 * whole < dashed < 0.85 * whole


def test_scores_are_written():
    plain, scored = (count(
        drawn(dict(img=GREY), labels=[0], ignored=[0], scores=s), COLOURS[0])
                     for s in (None, [0.5]))
    assert scored > plain + 10


def test_no_box_is_drawn_on_a_sound():
    """Beside a picture, which has one."""
    arrays = dict(img=GREY, spectrogram=np.zeros((2, 24, 64)))
    sheet = drawn(arrays, labels=[1], ignored=[0])
    left, right = sheet[:, :800], sheet[:, 800:]
    # The legend is in the middle, below.
    assert count(left, COLOURS[1]) > 1000
    assert count(right[:-80], COLOURS[1]) == 0


def test_wide_pictures_stand_below_each_other():
    wide = np.zeros((20, 80, 3), np.uint8)
    below = drawn(dict(img=wide, gated=wide))
    beside = drawn(dict(img=GREY, gated=GREY))
    assert below.shape[1] == beside.shape[1] == 1600
    assert below.shape[0] > 1200 and beside.shape[0] < 600


def test_points_from_above_are_a_picture():
    points = np.random.default_rng(0).uniform(-9, 9, (500, 3))
    sheet = sample_sheet(ShownSample('t', {}, boxes_of(), points=points))
    assert (sheet.max(-1).astype(int) - sheet.min(-1) > 80).sum() > 400
    with pytest.raises(ValueError, match='no modality to draw'):
        sample_sheet(ShownSample('t', {}, boxes_of()))
