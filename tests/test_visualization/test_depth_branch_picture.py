from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from mmxkd.visualization.depth_branch import (
    FOUND,
    TRUE,
    DepthBranchFrame,
    Outlines,
    draw_depth_branch,
)


@pytest.fixture
def frame() -> DepthBranchFrame:
    depth = np.zeros((48, 160), np.float32)
    depth[30:, ::4] = 20.
    return DepthBranchFrame(np.full((48, 160, 3), 40, np.uint8), depth,
                            np.full((12, 40), 5), 5, np.zeros((12, 40)),
                            Outlines(), Outlines(), (100., 80.))


def pixels_of(picture: np.ndarray, colour: str, near: int = 12) -> int:
    wanted = np.rint(255 * np.array(to_rgb(colour)))
    return int((np.abs(picture.astype(int) - wanted).max(2) <= near).sum())


def box(shift: float) -> Outlines:
    corners = np.array([[20., 10], [60, 10], [60, 40], [20, 40]]) + shift
    edges = np.zeros((1, 12, 2, 2))
    edges[0] = np.resize(np.stack([corners, np.roll(corners, 1, 0)], 1),
                         (12, 2, 2))
    above = np.array([[-2., 18], [2, 18], [2, 22], [-2, 22], [-2, 18]])
    return Outlines(edges, above[None] + shift / 4)


def test_labels_and_detections_have_their_colours(frame):
    none = draw_depth_branch(frame)
    assert none.dtype == np.uint8 and none.shape[2] == 3
    for name, colour, other in (('true', TRUE, FOUND), ('found', FOUND, TRUE)):
        drawn = draw_depth_branch(replace(frame, **{name: box(4.)}))
        assert pixels_of(drawn, colour) > pixels_of(none, colour) + 200
        assert pixels_of(drawn, other) == pixels_of(none, other)


def test_what_has_no_target_is_black(frame):
    """Bins equal to their number: no target, so U is not drawn."""
    none = draw_depth_branch(frame)
    shown = draw_depth_branch(
        replace(frame, bins=np.full((12, 40), 2), doubt=np.ones((12, 40))))
    assert pixels_of(none, 'black') > pixels_of(shown, 'black') + 10_000


def test_edges_that_cannot_be_seen_are_left_out(frame):
    hidden = box(0.)
    hidden.edges[:] = np.nan
    drawn = draw_depth_branch(
        replace(frame, true=Outlines(hidden.edges, np.zeros((0, 5, 2)))))
    assert (drawn == draw_depth_branch(frame)).all()
