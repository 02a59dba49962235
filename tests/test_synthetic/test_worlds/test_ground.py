import numpy as np

from mmxkd.synthetic.worlds.ground import ground_kinds, ground_palette
from mmxkd.synthetic.worlds.scene import Road

ROAD = Road(left=-6.0, right=3.0, sidewalk=2.0, asphalt=.15, dash_phase=0.0)


def test_kinds_across_the_road():
    x = np.array([-9, -7, -6, -5.75, -3, 2, 2.75, 3, 4, 6])
    kinds = ground_kinds(ROAD, x, np.full(10, 6.0))
    grass, pavement, asphalt, line, kerb = 0, 1, 2, 4, 5
    assert kinds.tolist() == [
        grass, pavement, kerb, line, asphalt, asphalt, line, kerb, pavement,
        grass
    ]


def test_dashes_are_four_metres_of_nine():
    z = np.arange(0, 18, .5)
    middle = -6 / 2 + 3 / 2 - .8
    dashes = ground_kinds(ROAD, np.full(z.shape, middle), z) == 3
    assert np.array_equal(dashes, z % 9 < 4)


def test_a_row_for_each_kind():
    palette = ground_palette(ROAD)
    assert palette.shape == (6, 4) and palette.dtype == np.uint8
    assert palette[2, 0] == 38  # asphalt, 0.15 of 255
    assert palette[3, 3] > 5 * palette[2, 3]  # paint shines in the NIR
