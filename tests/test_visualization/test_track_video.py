"""Tracks on pictures, and GIFs."""
import io
import weakref

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from mmxkd.visualization import (
    DriveFrame,
    draw_tracks,
    drive_sheet,
    encode_gif,
    track_colour,
)

BLACK = np.zeros((40, 80, 3), np.uint8)


def rgb(colour):
    return tuple(round(255 * v) for v in to_rgb(colour))


def test_boxes_are_in_the_colour_of_their_track():
    tracks = np.array([[3., 10, 5, 50, 30, .75]])
    picture = draw_tracks(BLACK, tracks, np.zeros((0, 4)), zoom=2)
    assert picture.shape == (14 + 80, 160, 3)
    # The edge, two pixels wide, below the caption.
    for x, y in ((20, 30), (100, 30), (60, 10), (60, 60)):
        assert tuple(picture[14 + y, x]) == rgb(track_colour(3))
    assert not picture[14 + 45, 80].any()
    assert track_colour(3) != track_colour(4)


def test_truth_is_dashed_and_trails_are_lines():
    truth = np.array([[10., 5, 60, 35]])
    trails = {1: [np.array([5., 20]), np.array([75., 20])]}
    picture = draw_tracks(BLACK, np.zeros((0, 6)), truth, trails, zoom=1)
    top = (picture[14 + 5, 10:60] == 255).all(axis=1)
    assert .4 < top.mean() < .7
    line = picture[14 + 20, 30:50]
    assert (line == rgb(track_colour(1))).all()
    blank = draw_tracks(BLACK, np.zeros((0, 6)), truth[:0], zoom=1)
    assert not blank.any()
    assert draw_tracks(BLACK, np.zeros((0, 6)), truth[:0], zoom=1,
                       caption='night')[:14].any()


def test_a_gif_holds_its_pictures():
    pictures = [np.full((20, 30, 3), v, np.uint8) for v in (0, 120, 250)]
    with Image.open(io.BytesIO(encode_gif(pictures, .2, pictures))) as gif:
        assert (gif.n_frames, gif.size) == (3, (30, 20))
        for number, value in enumerate((0, 120, 250)):
            gif.seek(number)
            assert gif.info['duration'] == 200 and gif.info['loop'] == 0
            shown = np.asarray(gif.convert('RGB')).astype(int)
            assert np.abs(shown - value).max() <= 3
    assert encode_gif(pictures, .2) == encode_gif(pictures, .2)
    for wrong in ([], [pictures[0], pictures[0][:5]]):
        with pytest.raises(ValueError, match='pictures of one size'):
            encode_gif(wrong, .2)


def test_pictures_are_drawn_one_after_the_other():
    """The palette is of a few of them, and of all tracks."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (20, 30, 3), np.uint8)
    drawn = []

    def pictures():
        for number in range(10):
            picture = noise.copy()
            picture[:5] = rgb(track_colour(number))
            drawn.append(weakref.ref(picture))
            yield picture
            del picture
            assert sum(p() is not None for p in drawn) <= 2

    with Image.open(io.BytesIO(encode_gif(pictures(), .2, [noise]))) as gif:
        assert gif.n_frames == len(drawn) == 10
        for number in range(10):
            gif.seek(number)
            shown = np.asarray(gif.convert('RGB'))[0, 0]
            assert tuple(shown) == rgb(track_colour(number))


def test_a_sheet_shows_boxes_and_places():
    rng = np.random.default_rng(0)
    frame = DriveFrame(rgb=np.zeros((64, 160, 3), np.uint8), thermal=np.zeros(
        (64, 160), np.uint8), depth=np.zeros((64, 160, 3), np.uint8),
                       spectrogram=rng.normal(size=(8, 20, 30)),
                       boxes=np.array([[30., 10, 90, 50]]), ids=np.array([2]),
                       places=np.array([[-5., 20]]))
    sheet = drive_sheet(frame, 'title', width=8)
    assert sheet.shape[1] == 800

    def pixels(picture):
        apart = np.abs(picture.astype(int) - rgb(track_colour(2))).max(axis=2)
        return int((apart < 20).sum())

    # Three cameras and the place from above; no box on the sound.
    with_box = pixels(sheet)
    frame.places = np.zeros((0, 2))
    frame.boxes, frame.ids = np.zeros((0, 4)), np.zeros(0, int)
    assert pixels(drive_sheet(frame, 'title', width=8)) == 0
    assert with_box > 3 * 2 * (60 + 40)
