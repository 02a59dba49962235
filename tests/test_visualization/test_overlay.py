"""All modalities over each other."""
import numpy as np
import pytest

from mmxkd.visualization.overlay import (
    EDGE_COLOURS,
    edges_of,
    overlay_modalities,
    picture_of,
)

MAGENTA, CYAN = EDGE_COLOURS[:2]


def step(column: int, dtype=np.uint8) -> np.ndarray:
    """Dark on the left, bright from a column on."""
    image = np.full((40, 60, 3), 20, dtype)
    image[:, column:] = 200
    return image


def columns_of(picture: np.ndarray, colour) -> list[int]:
    return sorted(set(np.nonzero((picture == colour).all(-1))[1].tolist()))


@pytest.mark.parametrize('column', [20, 31])
def test_edges_lie_where_the_modality_has_them(column):
    """Also where the grey picture below has them elsewhere."""
    picture, words = overlay_modalities(dict(img=step(20), gated=step(column)))
    found = columns_of(picture, MAGENTA)
    # Between the last dark and the first bright column.
    assert found and set(found) <= {column - 2, column - 1, column, column + 1}
    assert {column - 1, column} <= set(found)
    assert words == ['img: grey', 'gated: edges, magenta']
    # The picture below stays grey, dark on its left.
    left, right = picture[5, 5], picture[5, 50]
    assert len(set(left)) == len(set(right)) == 1 and left[0] < right[0]


def test_each_modality_has_a_colour():
    picture, words = overlay_modalities(
        dict(img=step(10), gated=step(25), thermal=step(45)[..., :1]))
    assert set(columns_of(picture, MAGENTA)) <= set(range(23, 27))
    assert set(columns_of(picture, CYAN)) <= set(range(43, 47))
    assert words[1:] == ['gated: edges, magenta', 'thermal: edges, cyan']


def test_depth_is_points_under_white_edges():
    depth = np.zeros((40, 60, 1), np.float32)
    depth[10, 40], depth[30, 50] = 2, 80
    picture, words = overlay_modalities(dict(img=step(20), depth=depth))
    near, far = picture[10, 40].astype(int), picture[30, 50].astype(int)
    assert near[0] > near[2] + 50 and far[2] > far[0]
    assert columns_of(picture, (255, 255, 255))[0] in (18, 19)
    coloured = (picture.max(-1) != picture.min(-1)).nonzero()
    assert list(zip(*map(np.ndarray.tolist, coloured),
                    strict=True)) == [(10, 40), (30, 50)]
    assert words[1] == 'depth: points, near red, far blue'


def test_a_full_depth_map_is_edges():
    """Points would hide all that is below."""
    depth = step(30, np.float32)[..., :1]
    picture, words = overlay_modalities(dict(img=step(10), depth=depth))
    assert words == ['img: grey', 'depth: edges, magenta']
    assert {29, 30} <= set(columns_of(picture, MAGENTA))


def test_an_even_picture_has_no_edges():
    assert not edges_of(np.full((8, 8, 3), 90, np.uint8)).any()


def test_colours_of_floats():
    """Of ImageToFloat32, and of Normalize."""
    image = step(3)
    shown = picture_of('img', image)
    assert (picture_of('img', image.astype(np.float32)) == shown).all()
    normalised = (image.astype(np.float32) - 110) / 58
    found = picture_of('img', normalised)
    assert found[0, 0].tolist() == [0] * 3 and found[0,
                                                     9].tolist() == [255] * 3


def test_what_nobody_registered_is_grey():
    shown = picture_of('radar', step(3)[..., :2])
    assert shown.shape == (40, 60, 3) and shown[0, 0, 0] < shown[0, 9, 0]


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="'gated': .40, 59."):
        overlay_modalities(dict(img=step(20), gated=step(20)[:, 1:]))
