"""Detections in numpy against the published programs', run once."""
import numpy as np
import pytest

from mmxkd.deploy import convdet, nms, ssd
from mmxkd.models import ClampedSSDAnchorGenerator, SqueezeDetAnchorGenerator

SIDES = (19, 10, 5, 3, 2, 1)


def test_ssd_golden(shared_data):
    """99.9 % of the rows, as parts of the picture."""
    with np.load(shared_data / 'ssd_golden/ssd_detect.npz') as file:
        golden = dict(file)
    priors = np.concatenate([
        level.numpy() for level in ClampedSSDAnchorGenerator(
            strides=[16, 32, 64, 100, 150, 300], ratios=[[2, 3]]
            * 6, min_sizes=[60, 105, 150, 195, 240, 285],
            max_sizes=[105, 150, 195, 240, 285, 330]).grid_priors([(
                side, side) for side in SIDES], device='cpu')
    ])
    options = dict(stds=[.1, .1, .2, .2], max_ratio=4.1352, clip=False,
                   score_thr=.01, top_k=200, iou_threshold=.45, max_per_img=-1)
    rows = []
    for image in (0, 1):
        logits = golden['logits_f16'][image].astype(np.float32)
        found = ssd.decode(
            dict(logits=np.roll(logits, -1, 1),
                 deltas=golden['loc_f16'][image].astype(np.float32)), priors,
            options, (300, 300))
        assert (np.diff(found.scores) <= 0).all()
        rows.append(
            np.column_stack([
                np.full(len(found.scores), image), found.labels + 1,
                found.scores, found.boxes / 300
            ]))
    found = np.concatenate(rows)
    expected = golden['detections_img_cls_score_xyxy']
    counts = [((found[:, 0] == image) & (found[:, 1] == label)).sum()
              for image in (0, 1) for label in range(1, 21)]
    assert counts == golden['candidates_img_cls_n_kept'][:, 3].tolist()
    found, expected = (table[np.lexsort(
        (table[:, 3].round(3), -table[:, 2].round(4), table[:, 1], table[:,
                                                                         0]))]
                       for table in (found, expected))
    assert np.isclose(found, expected, atol=1e-5).all(1).mean() >= .999


def test_shuffledet_golden(shared_data):
    with np.load(shared_data / 'shuffledet_golden/shuffledet_post.npz') as f:
        golden = dict(f)
    cells = golden['preds_nhwc_f16'].astype(np.float32).reshape(60, 72)
    priors = SqueezeDetAnchorGenerator().grid_priors([(6, 10)],
                                                     device='cpu')[0].numpy()
    found = convdet.decode(
        dict(logits=cells[:, :27].reshape(-1, 3),
             confidence=cells[:, 27:36].reshape(-1, 1),
             deltas=cells[:, 36:].reshape(-1, 4)), priors,
        dict(nms_pre=64, score_thr=0, iou_threshold=.4, max_per_class=50),
        tuple(golden['hw']))
    boxes = found.boxes / np.tile(golden['scale_xy'], 2)
    assert len(boxes) == len(golden['out_score']) > 10
    for label in range(3):
        own, other = found.labels == label, golden['out_class'] == label
        order, wanted = (np.argsort(-s, kind='stable')
                         for s in (found.scores[own],
                                   golden['out_score'][other]))
        np.testing.assert_allclose(found.scores[own][order],
                                   golden['out_score'][other][wanted],
                                   atol=1e-5)
        np.testing.assert_allclose(boxes[own][order],
                                   golden['out_xyxy'][other][wanted],
                                   atol=1e-3)


@pytest.mark.parametrize('threshold', [0., .3, .7, 1.])
def test_nms_against_a_slow_loop(threshold):
    draw = np.random.default_rng(0)
    corner = draw.uniform(0, 40, (60, 2))
    boxes = np.float32(
        np.concatenate([corner, corner + draw.uniform(5, 30, (60, 2))], 1))
    scores = draw.permutation(60).astype(np.float32)
    left, kept = sorted(range(60), key=lambda i: -scores[i]), []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [i for i in left if overlap(boxes[best], boxes[i]) <= threshold]
    assert nms(boxes, scores, threshold).tolist() == kept
    assert nms(boxes[:0], scores[:0], threshold).tolist() == []


def overlap(one, other):
    sides = [
        min(one[k + 2], other[k + 2]) - max(one[k], other[k]) for k in (0, 1)
    ]
    if min(sides) <= 0:
        return 0
    common = sides[0] * sides[1]
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return common / (sum(areas) - common)


def test_a_box_without_area_suppresses_nothing():
    boxes = np.float32([[5, 5, 5, 5], [0, 0, 10, 10]])
    assert nms(boxes, np.float32([.9, .5]), .5).tolist() == [0, 1]


def test_sizes_grow_in_a_line_behind_1():
    assert convdet.bounded_exp(np.float32([-1, 0, 1, 2, 3])) == pytest.approx(
        np.float32([np.exp(-1), 1, np.e, 2 * np.e, 3 * np.e]))
