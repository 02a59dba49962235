"""Boxes of several teachers become the student's, before its forward."""
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmxkd.engine.hooks import LabelSourcesHook
from mmxkd.engine.labellers import FusedTeacherLabels
from mmxkd.errors import ConfigError
from mmxkd.evaluation.functional.mm_distillnet import fuse_rows
from mmxkd.registry import MODELS
from tests.helpers.golden_teachers import TEACHERS, GoldenTeacher
from tests.helpers.toys import Toy, batch, mse


def predicted(*rows, **meta):
    """A data sample of rows x1, y1, x2, y2, score, label."""
    rows = torch.tensor(rows).reshape(-1, 6)
    sample = DetDataSample(metainfo=meta)
    sample.pred_instances = InstanceData(bboxes=rows[:, :4], scores=rows[:, 4],
                                         labels=rows[:, 5].long())
    return sample


def unlabelled(size=1):
    samples = batch(size)['data_samples']
    for sample in samples:
        sample.set_metainfo(dict(labelled=False))
        del sample.gt_instances
    return samples


def label(*found, **options):
    """The boxes of one frame as rows, and its source."""
    thresholds = dict(rgb=dict(score_thr=.3), thermal=dict(score_thr=.3))
    options.setdefault('teachers', thresholds)
    sample, = unlabelled()
    FusedTeacherLabels(**options).label([sample], *([part] for part in found))
    boxes = sample.gt_instances
    rows = torch.cat(
        [boxes.bboxes, boxes.scores[:, None], boxes.labels[:, None]], 1)
    return rows.double().numpy().round(5).tolist(), sample.label_source


ONE = predicted([0., 0., 10., 10., .9, 0], [30., 0., 40., 10., .2, 0])
TWO = predicted([1., 0., 11., 10., .6, 1], [60., 0., 70., 10., .5, 1])


def test_suppression_between_teachers():
    rows, source = label(ONE, TWO, class_agnostic=True)
    assert rows == [[0, 0, 10, 10, .9, 0], [60, 0, 70, 10, .5, 1]]
    assert source == 'teacher'
    rows, _ = label(ONE, TWO)
    assert [row[4] for row in rows] == [.9, .6, .5]


def test_a_threshold_for_each_teacher():
    teachers = dict(rgb=dict(score_thr=.1), thermal=dict(score_thr=.55))
    rows, _ = label(ONE, TWO, teachers=teachers)
    assert [row[4] for row in rows] == [.9, .6, .2]


@pytest.mark.parametrize('weights', [(3, 1), dict(rgb=3)])
def test_weighted_boxes(weights):
    """Written out: 3 · 0.9 against 1 · 0.6, of a whole of 4."""
    same = predicted([1., 0., 11., 10., .6, 0])
    rows, _ = label(ONE, same, fusion='wbf', weights=weights)
    x = .6 / (2.7 + .6)
    assert rows == [[round(x, 5), 0, round(10 + x, 5), 10, .825, 0]]


def test_of_equal_scores_the_order_of_teachers_decides_nothing():
    """The published code takes the first teacher's box; here the smaller
    coordinates go first."""
    low, high = (predicted([x, 0., x + 10, 10., .5, 0]) for x in (2., 3.))
    for found in ((low, high), (high, low)):
        rows, _ = label(*found, class_agnostic=True)
        assert rows == [[2, 0, 12, 10, .5, 0]]
    rows = [np.array([[x, 0, x + 10, 10, .5, 0]]) for x in (3, 2)]
    assert fuse_rows(rows)[:, 0].tolist() == [3]


def test_labels_of_humans_are_replaced_only_if_asked():
    for replace, source, boxes in ((False, 'human', 1), (True, 'teacher', 3)):
        sample, = batch(1)['data_samples']
        FusedTeacherLabels(dict(rgb={}, thermal={}),
                           replace=replace).label([sample], [ONE], [TWO])
        assert sample.label_source == source
        assert len(sample.gt_instances) == boxes


def test_one_teacher_keeps_its_name_and_half_precision_is_widened():
    half = predicted([1001., 0., 1011., 10., .5, 0])
    half.pred_instances.bboxes = half.pred_instances.bboxes.bfloat16()
    half.pred_instances.scores = half.pred_instances.scores.bfloat16()
    sample, = unlabelled()
    FusedTeacherLabels(dict(rgb={})).label([sample], [half])
    assert sample.label_source == 'rgb'
    assert sample.gt_instances.bboxes.dtype == torch.float32
    assert sample.gt_instances.labels.dtype == torch.int64


NOBODY = predicted([0., 0., 10., 10., .1, 0])


@pytest.mark.parametrize('empty, source', [('negative', 'teacher'),
                                           ('skip', 'unlabelled')])
def test_frames_in_which_nobody_finds_anything(empty, source):
    rows, found = label(NOBODY, NOBODY, empty=empty)
    assert rows == [] and found == source
    rows, found = label(NOBODY, TWO, empty=empty)
    assert len(rows) == 2 and found == 'teacher'


def test_predictions_that_do_not_fit():
    labels = FusedTeacherLabels(dict(rgb={}, thermal={}))
    with pytest.raises(
            ValueError, match="'thermal' gave predictions for 1 "
            'images, expected 2'):
        labels.label(unlabelled(2), [ONE] * 2, [TWO])
    with pytest.raises(ValueError, match='predictions of 1 teachers, expect'):
        labels.label(unlabelled(), [ONE])
    bad = predicted([0., 0., 9., 9., float('nan'), 0])
    with pytest.raises(
            ValueError, match="'thermal' gave a score that is not "
            'finite for images/0.png'):
        labels.label(unlabelled(), [ONE], [bad])
    other = predicted(img_shape=(32, 24))
    with pytest.raises(
            ValueError, match=r'images/0.png has the size \(16, 24\) to the '
            r"student, but \(32, 24\) to teacher 'rgb'"):
        labels.label(unlabelled(), [other], [TWO])


@pytest.mark.parametrize('wrong, message', [
    (dict(teachers={}), r'teachers={}, expected a dict'),
    (dict(teachers='rgb'), "teachers='rgb', expected a dict"),
    (dict(teachers=dict(rgb=dict(score=1))),
     "teachers.rgb.score is unknown; did you mean 'score_thr'"),
    (dict(fusion='wbff'), "mode of the fusion='wbff'.*did you mean 'wbf'"),
    (dict(fusion=None), r"takes one teacher, but there are \['rgb', 'depth"),
    (dict(iou_thr=1.), 'iou_thr=1.0, expected a number from 0 to below 1'),
    (dict(iou_thr='x'), "iou_thr='x', expected a number"),
    (dict(teachers=dict(rgb=0.3)),
     r'teachers.rgb=0.3, expected a dict such as dict\(score_thr=0.3\)'),
    (dict(fusion='wbf', weights='abc'), 'expected one number above 0'),
    (dict(fusion='wbf', weights=dict(rgb='x')), 'expected one number above'),
    (dict(fusion='wbf', class_agnostic=True), 'class_agnostic goes with'),
    (dict(weights=(1, 1, 1)), "mode='nms' takes no weights"),
    (dict(fusion='wbf', weights=(1, 2)),
     r'weights=\[1, 2\], expected one number above 0 for each of 3'),
    (dict(fusion='wbf',
          weights=dict(rbg=2)), "weights.rbg is unknown; did you mean 'rgb'"),
    (dict(fusion='wbf', weights=dict(rgb=0)), 'expected one number above 0'),
    (dict(empty='skipped'), "empty='skipped'.*did you mean 'skip'"),
])
def test_what_does_not_go_together(wrong, message):
    teachers = dict(rgb={}, depth={}, thermal={})
    with pytest.raises(ConfigError, match=message):
        FusedTeacherLabels(**(dict(teachers=teachers) | wrong))


class Learner(Toy):
    """Remembers the boxes that it learned from."""

    def forward(self, inputs, data_samples=None, mode='tensor'):
        if mode == 'loss':
            self.seen = [sample.gt_instances for sample in data_samples]
        return super().forward(inputs, data_samples, mode)


VOC = tuple('aeroplane bicycle bird boat bottle bus car'.split()) + tuple(
    f'other{i}' for i in range(13))


def distilled(golden, scenario, folder=None, labels=None, classes=('car', )):
    """A student of the three golden teachers."""
    torch.manual_seed(0)
    cache = {} if folder is None else dict(cache=dict(dir=str(folder)))
    fused = dict(
        type='mmxkd.FusedTeacherLabels', class_agnostic=True, teachers={
            name: dict(score_thr=.3, classes=dict(car='car'))
            for name in TEACHERS
        })
    model = MODELS.build(
        dict(
            type='mmxkd.CrossModalDistill', dry_run=False,
            student=dict(type=Learner), teachers={
                name: dict(
                    cfg=dict(
                        model=dict(type=GoldenTeacher, file=str(golden),
                                   key=f'{scenario}_{name}'),
                        metainfo=dict(classes=VOC)), random=True, **cache)
                for name in TEACHERS
            }, distiller=dict(labels=dict(boxes=fused | (labels or {})),
                              losses=dict(loss_neck=mse('neck', 'rgb:neck')))))
    model.init_weights()
    if classes is not None:
        model.check_classes(classes)
    return model.train()


def learned(model):
    """The boxes that the student learns in a step on all six frames."""
    data = batch(6, height=256, width=256)
    for sample in data['data_samples']:
        sample.set_metainfo(dict(labelled=False))
    losses = model(**model.data_preprocessor(data, True), mode='loss')
    assert torch.isfinite(model.parse_losses(losses)[0])
    return model.student.seen


@pytest.fixture(scope='module')
def golden_file(shared_data):
    return shared_data / 'mm_distillnet_golden/postprocess_fusion.npz'


@pytest.mark.parametrize('scenario', ['caronly', 'mixed'])
def test_the_published_path_live_and_cached(golden_file, scenario, tmp_path):
    """From what three heads give to the labels, against golden numbers."""
    golden = np.load(golden_file, allow_pickle=False)
    model = distilled(golden_file, scenario)
    live = learned(model)
    for i, found in enumerate(live):
        expected = golden[f'{scenario}_fused_xyxy_label']
        expected = expected[i, :golden[f'{scenario}_fused_n'][i]]
        np.testing.assert_array_equal(found.bboxes, expected[:, :4])
        assert (expected[:, 4] == 6).all() and not found.labels.any()
        # With the score of the teacher whose box it is.
        emitted = {
            tuple(row) for name in TEACHERS for row in
            golden[f'{scenario}_{name}_rows_xyxy_score_label'][i].tolist()
        }
        rows = torch.cat([found.bboxes, found.scores[:, None]], 1)
        assert {(*row, 6) for row in rows.tolist()} <= emitted
    for hits in (0, 18):
        cached = distilled(golden_file, scenario, tmp_path)
        for found, wanted in zip(learned(cached), live, strict=True):
            for key in ('bboxes', 'labels', 'scores'):
                assert torch.equal(found[key], wanted[key])
        assert sum(t.cache.counts.hits
                   for t in cached.teachers.values()) == hits


@pytest.mark.parametrize('labels, message', [
    (dict(teachers=dict(termal={})),
     r"boxes.teacher='termal', expected one of \('rgb', 'depth', 'thermal'\); "
     "did you mean 'thermal'"),
    (dict(clas_agnostic=True), "no argument 'clas_agnostic'; did you mean "
     "'class_agnostic'"),
    (dict(iou_thr=2), 'distiller.labels.boxes: fusion: iou_thr=2'),
])
def test_configs_that_cannot_be_built(golden_file, labels, message):
    with pytest.raises(ConfigError, match=message):
        distilled(golden_file, 'caronly', labels=labels)


def test_classes_are_compared_before_the_first_step(golden_file):
    with pytest.raises(
            ConfigError, match="unknown class of the student 'car'"
            "; did you mean 'cars'"):
        distilled(golden_file, 'caronly', classes=('cars', ))
    model = distilled(golden_file, 'caronly', classes=None)
    with pytest.raises(ConfigError, match='the classes were not compared'):
        learned(model)


def test_skipped_frames_reach_the_hook_of_label_sources():
    """Which refuses them unless the config says that they teach nothing."""
    sample, = unlabelled()
    FusedTeacherLabels(dict(rgb={}), empty='skip').label([sample], [NOBODY])
    with pytest.raises(
            ConfigError, match='nobody has labelled images/0.png.*'
            'weights.unlabelled=0'):
        LabelSourcesHook()._begin(None, (None, [sample], 'loss'), {})
    weights = LabelSourcesHook(dict(unlabelled=0))._frame(sample)
    assert weights.base == 0 and not len(weights.boxes)
