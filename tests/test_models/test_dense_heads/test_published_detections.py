"""Detections as MM-DistillNet's code makes them, score bug and all."""
import numpy as np
import pytest
import torch

from mmxkd.errors import ConfigError
from mmxkd.evaluation.functional.mm_distillnet import rows_of_outputs
from tests.helpers.golden_teachers import (
    AS_PUBLISHED,
    TEACHERS,
    dense_outputs,
    head,
    levels,
)

META = dict(img_shape=(128, 128), scale_factor=(1., 1.))


def detect(model, scores, deltas, size, meta=None, **options):
    """Rows x1, y1, x2, y2, score, label of each picture."""
    metas = [meta or dict(META, img_shape=(size, size))] * len(scores)
    found = model.predict_by_feat(
        levels(torch.as_tensor(scores).logit(), size),
        levels(torch.as_tensor(deltas), size), batch_img_metas=metas,
        **options)
    return [
        torch.cat([f.bboxes, f.scores[:, None], f.labels[:, None]], 1).numpy()
        for f in found
    ]


@pytest.fixture(scope='module')
def golden(shared_data):
    return np.load(shared_data / 'mm_distillnet_golden/postprocess_fusion.npz',
                   allow_pickle=False)


@pytest.mark.parametrize('scenario', ['caronly', 'mixed'])
def test_golden(golden, scenario):
    model = head(**AS_PUBLISHED)
    for teacher in TEACHERS:
        key = f'{scenario}_{teacher}'
        found = detect(model, *dense_outputs(golden, key), 256)
        for i, rows in enumerate(found):
            expected = golden[f'{key}_rows_xyxy_score_label']
            np.testing.assert_array_equal(rows,
                                          expected[i, :golden[f'{key}_n'][i]])


def three_anchors(other):
    """The sheet, section 13 (d): one anchor of class 14, two of class 6."""
    scores = torch.full((1, 3069, 20), .01, dtype=torch.float64)
    scores[0, [0, 1, 2], [14, 6, 6]] = torch.tensor([other, .6, .8]).double()
    return scores, torch.zeros(1, 3069, 4).double()


@pytest.mark.parametrize('other, emitted', [(.95, [.6, .95]), (.2, [.8, .6])])
def test_the_score_bug_of_the_sheet(other, emitted):
    scores, deltas = three_anchors(other)
    model = head(**AS_PUBLISHED)
    rows, = detect(model, scores, deltas, 128)
    assert rows[:, 4].tolist() == pytest.approx(emitted)
    assert rows[:, [0, 1, 2, 3, 5]].tolist() == [[0, 0, 15, 26, 6],
                                                 [0, 0, 26, 15, 6]]
    anchors = torch.cat(
        model.prior_generator.grid_priors([(128 // s, 128 // s)
                                           for s in (8, 16, 32, 64, 128)],
                                          device='cpu'))
    slow = rows_of_outputs(anchors.numpy(), scores[0].numpy(), (128, 128),
                           classes=[6], as_published=True)
    np.testing.assert_array_equal(rows, slow)


def test_stock_detections_keep_their_scores():
    """Without the word, or with it switched off, nothing changes."""
    stock = dict(nms_pre=1000, score_thr=0.3, max_per_img=10,
                 best_class_only=True, nms=dict(type='nms', iou_threshold=.5))
    outputs = [part.float() for part in three_anchors(.95)]
    rows, = detect(head(**stock), *outputs, 128)
    assert rows[:, 4].tolist() == pytest.approx([.95, .8, .6])
    assert rows[:, 5].tolist() == [14, 6, 6]
    np.testing.assert_allclose(rows[1, :4], [0, 0, 15.2, 26.4], rtol=1e-6)
    off, = detect(head(as_published=False, **stock), *outputs, 128)
    np.testing.assert_array_equal(off, rows)


def test_all_classes_and_no_box():
    rows, = detect(head(as_published=True), *three_anchors(.95), 128)
    # Nothing is left out before, so that nothing is misplaced.
    assert rows[:, 4:].tolist() == [[pytest.approx(.95), 14],
                                    [pytest.approx(.8), 6],
                                    [pytest.approx(.6), 6]]
    none, = detect(head(as_published=True, score_thr=.96), *three_anchors(.95),
                   128)
    assert none.shape == (0, 6)


def test_boxes_end_where_the_padded_input_does_and_are_scaled_back():
    scores, deltas = three_anchors(.2)
    deltas[0, 2] = torch.tensor([1., 1., 2., 2.])  # Far beyond the picture.
    meta = dict(img_shape=(40, 60), batch_input_shape=(128, 96),
                scale_factor=(.5, .25))
    model = head(**AS_PUBLISHED)
    own, = detect(model, scores, deltas, 128, meta)
    assert own[0, :4].tolist() == [0, 0, 96, 128]
    scaled, = detect(model, scores, deltas, 128, meta, rescale=True)
    np.testing.assert_allclose(scaled[:, :4], own[:, :4] * [2, 4, 2, 4])
    np.testing.assert_array_equal(scaled[:, 4:], own[:, 4:])


def test_a_head_that_is_sure_of_nothing():
    """Untrained, without a prior: all anchors pass a threshold below 0.5."""
    scores = torch.full((1, 3069, 20), .5)
    rows, = detect(head(as_published=True), scores, torch.zeros(1, 3069, 4),
                   128)
    assert 100 < len(rows) < 3069 and (rows[:, 4] == .5).all()


def test_scores_that_are_no_numbers_are_an_error():
    scores, deltas = three_anchors(.2)
    scores[0, 7, 3] = float('nan')
    with pytest.raises(ValueError, match='a score is not a number'):
        detect(head(**AS_PUBLISHED), scores, deltas, 128)


@pytest.mark.parametrize('wrong, message', [
    (dict(as_published=True, max_per_img=100, nms_pre=9),
     r"test_cfg: \['max_per_img', 'nms_pre'\] do not go with.*_delete_"),
    (dict(as_published=True, best_class_only=False), 'best_class_only'),
    (dict(as_published=True, nms=dict(type='soft_nms', iou_threshold=.5)),
     "test_cfg.nms=.*'soft_nms'.*dict.type='nms', iou_threshold=…. alone"),
    (dict(as_published=True, nms=dict(type='nms', iou_threshold=.5,
                                      max_num=9)), 'test_cfg.nms='),
    (dict(as_published=True,
          nms=dict(iou_threshold=2)), 'nms.iou_threshold=2, expected 0 to 1'),
    (dict(as_published=True, score_thr=-1), 'score_thr=-1, expected 0 to 1'),
    (dict(as_published=True, classes=(20, )), 'test_cfg.classes=20, expected'),
    (dict(as_published=True, classes=()), 'test_cfg.classes is empty'),
    (dict(classes=(6, )), 'classes goes with as_published=True alone'),
])
def test_what_does_not_go_together(wrong, message):
    with pytest.raises(ConfigError, match=message):
        head(**wrong)
    # Also where it comes with a call.
    with pytest.raises(ConfigError, match=message):
        detect(head(), *three_anchors(.2), 128, cfg=wrong)


def test_without_suppression_there_is_nothing_published():
    with pytest.raises(ConfigError, match='with_nms=False'):
        detect(head(as_published=True), *three_anchors(.2), 128,
               with_nms=False)
