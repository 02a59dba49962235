"""A teacher's boxes become the student's, before its forward."""
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmxkd.distillation import TeacherLabels
from mmxkd.errors import ConfigError
from tests.helpers.toys import Toy, batch, build, mse, toy


def predicted(scores, size=4.0):
    sample = DetDataSample()
    count = len(scores)
    sample.pred_instances = InstanceData(
        bboxes=torch.arange(count)[:, None]
        + torch.tensor([0., 0., size, size]), labels=torch.arange(count),
        scores=torch.tensor(scores))
    return sample


class Predictor(Toy):
    """Finds two boxes in each picture, the second one hardly."""

    def predict(self, inputs, data_samples, rescale=True):
        assert not rescale, 'boxes must stay in pixels of the input'
        self(inputs, data_samples)
        return [predicted([0.9, 0.3]) for _ in data_samples]


class Learner(Toy):
    """Remembers the samples that it learned from."""

    def forward(self, inputs, data_samples=None, mode='tensor'):
        if mode == 'loss':
            self.seen = [(s.gt_instances, s.metainfo) for s in data_samples]
        return super().forward(inputs, data_samples, mode)


def model(**distiller):
    return build(
        student=toy() | dict(type=Learner),
        teacher=dict(cfg=dict(type=Predictor), random=True), distiller=dict(
            labels=dict(boxes=dict(type='TeacherLabels', teacher='t')),
            **distiller))


def unlabelled_batch():
    """One picture with a human's box, and one without."""
    data = batch()
    data['data_samples'][1].set_metainfo(dict(labelled=False))
    del data['data_samples'][1].gt_instances
    return data


def step(model, data):
    return model(**model.data_preprocessor(data, True), mode='loss')


@pytest.mark.parametrize('losses', [{}, dict(losses=dict(loss_neck=mse()))])
def test_frames_without_labels_are_learned_from(losses):
    built = model(**losses)
    found = step(built, unlabelled_batch())
    assert ('distill/loss_neck' in found) == bool(losses)
    (own, meta), (given, other) = built.student.seen
    assert own.bboxes.tolist() == [[2, 2, 10, 12]] and 'scores' not in own
    assert meta['label_source'] == 'human'
    assert given.bboxes.tolist() == [[0, 0, 4, 4]]
    assert given.scores.tolist() == pytest.approx([0.9])
    assert given.labels.tolist() == [0]
    assert other['label_source'] == 't'


def test_a_teacher_that_only_labels_runs_once_and_to_the_end():
    built = model()
    teacher = built.teachers['t'].model
    before = teacher.bbox_head.runs
    step(built, unlabelled_batch())
    assert teacher.bbox_head.runs == before + 1


def test_who_asks_for_no_predictions_pays_for_none():
    built = build(teacher=dict(cfg=dict(type=Predictor), random=True))
    teacher = built.teachers['t'].model
    before = teacher.bbox_head.runs
    step(built, batch())
    # It stopped after the neck.
    assert teacher.bbox_head.runs == before


def test_labels_of_humans_are_replaced_only_if_asked():
    samples, found = batch()['data_samples'], [predicted([0.6, 0.5])] * 2
    TeacherLabels('t', 0.6).label(samples, found)
    assert len(samples[0].gt_instances) == 1
    assert samples[0].label_source == 'human'
    TeacherLabels('t', 0.5, replace=True).label(samples, found)
    assert len(samples[0].gt_instances) == 2
    assert samples[0].label_source == 't'


def test_a_picture_without_boxes_is_all_background():
    samples = unlabelled_batch()['data_samples'][1:]
    TeacherLabels('t').label(samples, [predicted([0.1])])
    assert samples[0].gt_instances.bboxes.shape == (0, 4)


def test_bad_scores_and_options():
    with pytest.raises(
            ValueError, match="teacher 't' gave a score that is "
            'not finite for images/1.png'):
        TeacherLabels('t').label(unlabelled_batch()['data_samples'][1:],
                                 [predicted([float('nan')])])
    with pytest.raises(ConfigError,
                       match='score_thr=2, expected a number from 0'):
        TeacherLabels('t', 2)


@pytest.mark.parametrize('labels, teacher, message', [
    (dict(type='TeacherLabels', teacher='tt'), {},
     r"distiller.labels.boxes.teacher='tt', expected one of \('t',\)"),
    (dict(type='TeacherLabel', teacher='t'), {}, "did you mean "
     "'TeacherLabels'"),
    (dict(type='TeacherLabels', teacher='t',
          score=1), {}, "no argument 'score'; did you mean 'score_thr'"),
    (dict(type='TeacherLabels', teacher='t'), dict(mode='loss'),
     "teachers.t.mode must be 'predict'"),
])
def test_what_cannot_be_built(labels, teacher, message):
    with pytest.raises(ConfigError, match=message):
        build(teacher=dict(cfg=toy(), random=True, **teacher),
              distiller=dict(labels=dict(boxes=labels)))
