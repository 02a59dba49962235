import pytest

from mmxkd.distillation.loss_config import normalise
from mmxkd.distillation.normal_form import LossConfig, Source
from mmxkd.errors import ConfigError


def short(**loss):
    return dict(losses=dict(
        loss_a=dict(dict(type='L', student='neck', teacher='neck'), **loss)))


def verbose(**changes):
    cfg = dict(
        type='ConfigurableDistiller', student_recorders=dict(
            neck=dict(type='ModuleOutputs', source='neck'),
            cls=dict(type='ModuleInputs', source='bbox_head.cls')),
        teacher_recorders=dict(
            neck=dict(type='ModuleOutputsRecorder', source='neck')),
        connectors=dict(up=dict(type='C')), distill_losses=dict(
            loss_a=dict(type='mmrazor.L2Loss', loss_weight=3.0)),
        loss_forward_mappings=dict(loss_a=dict(
            s_feature=dict(from_student=True, recorder='neck', data_idx=0,
                           connector='up'), t_feature=dict(
                               from_student=False, recorder='neck',
                               record_idx=1, data_idx=2))))
    cfg.update(changes)
    return cfg


def mapping(**changes):
    return dict(loss_forward_mappings=dict(loss_a=dict(
        s_feature=dict(dict(from_student=True, recorder='neck'), **changes))))


def test_short_form():
    found, = normalise(short(loss_weight=0.5, gamma=2), ['t']).losses
    assert found == LossConfig(
        'loss_a', dict(type='L', gamma=2), 0.5,
        {0: Source('student', 'neck'), 1: Source('t', 'neck')}, 'auto')


def test_the_config_is_left_as_it_was():
    cfg = short(loss_weight=0.5)
    normalise(cfg, ['t'])
    assert cfg == short(loss_weight=0.5)


def test_several_teachers_are_read_by_name():
    found, = normalise(
        short(teacher=['a:neck', 'b:backbone[1]'],
              inputs=dict(extra='b:neck')), ['a', 'b']).losses
    assert found.arguments[1] == [
        Source('a', 'neck'), Source('b', 'backbone[1]')
    ]
    assert found.arguments['extra'] == Source('b', 'neck')


def test_verbose_form():
    found, = normalise(verbose(), ['t']).losses
    assert found == LossConfig(
        'loss_a', dict(type='mmrazor.L2Loss'), 3.0,
        dict(s_feature=Source('student', 'neck[0]', 'up'),
             t_feature=Source('t', 'neck@1[2]')), 'auto')


def test_verbose_inputs_and_teachers():
    cfg = verbose(**mapping(recorder='cls'))
    found, = normalise(cfg, ['t']).losses
    assert found.arguments['s_feature'] == Source('student',
                                                  'bbox_head.cls.inputs')
    cfg = verbose(loss_forward_mappings=dict(loss_a=dict(
        t_feature=dict(from_student=False, recorder='neck', teacher='b'))))
    found, = normalise(cfg, ['a', 'b']).losses
    assert found.arguments['t_feature'] == Source('b', 'neck')
    cfg = verbose(teacher_recorders=dict(
        neck=dict(type='ModuleOutputs', source='a:neck')))
    found, = normalise(cfg, ['a', 'b']).losses
    assert found.arguments['t_feature'].model == 'a'


def test_both_forms_together():
    found = normalise(
        dict(
            verbose(), losses=dict(
                loss_b=dict(type='L', student='neck', teacher='neck'))), ['t'])
    assert [loss.name for loss in found.losses] == ['loss_b', 'loss_a']


@pytest.mark.parametrize('cfg, message', [
    ({}, 'no loss is configured'),
    (dict(losses={}), 'no loss is configured'),
    *[(dict(short(), **{key: [dict(type='L')]
                        }), rf'distiller.{key}=\[.*expected a dict')
      for key in ('losses', 'labels', 'connectors', 'student_recorders',
                  'teacher_recorders', 'distill_losses', 'distill_deliveries',
                  'loss_forward_mappings')],
    (dict(lossess={}), "distiller.lossess is unknown; did you mean 'losses'"),
    (dict(short(), type='CrossModalDistill'), "expected 'Distiller'"),
    (dict(losses=dict(mse=dict(type='L', student='neck'))),
     "the loss 'mse' needs 'loss' in its name"),
    (dict(losses=dict(loss_a=dict(student='neck'))), "'type' is missing"),
    (dict(losses=dict(loss_a=dict(type='L'))), 'it reads nothing'),
    (short(teacher='x:neck'), "there is no teacher 'x'"),
    (short(teacher='tt:neck'), "there is no teacher 'tt'; did you mean 't'"),
    (short(teacher='student:neck'), 'expected a layer of a teacher'),
    (short(student='t:neck'), 'expected a layer of the student'),
    (short(student=3), 'expected a hook point'),
    (short(teacher=['t:neck', None]), 'expected a hook point'),
    (dict(verbose(),
          losses=dict(loss_a=dict(type='L', student='neck', teacher='neck'))),
     "two losses are named 'loss_a'"),
    (verbose(loss_forward_mappings={}),
     'distill_losses.loss_a has no entry in loss_forward_mappings: it would '
     'be silently absent'),
    (verbose(loss_forward_mappings=None), 'silently absent'),
    (dict(
        verbose(), loss_forward_mappings=dict(
            verbose()['loss_forward_mappings'], loss_b={})),
     "loss_forward_mappings.loss_b: no such loss; did you mean 'loss_a'"),
    (verbose(**mapping(recoder='neck')), 'did you mean .recorder'),
    (verbose(**mapping(recorder='nek')),
     "recorder='nek': not in student_recorders; did you mean 'neck'"),
    (verbose(**mapping(from_student=False, recorder='cls')),
     "recorder='cls': not in teacher_recorders"),
    (verbose(**mapping(connector='upp')),
     "connector='upp': not in connectors; did you mean 'up'"),
    (verbose(**mapping(teacher='t')), 'expected a layer of the student'),
    (verbose(loss_forward_mappings=dict(loss_a=dict(s=dict(recorder='neck')))),
     "needs 'from_student' and 'recorder'"),
    (verbose(student_recorders=dict(
        neck=dict(type='FunctionOutputs', source='x'))),
     "did you mean 'MethodOutputs'"),
    (verbose(student_recorders=dict(neck=dict(type='ModuleOutputs'))),
     "student_recorders.neck: 'source' is missing"),
])
def test_what_cannot_be_read(cfg, message):
    with pytest.raises(ConfigError, match=message):
        normalise(cfg, ['t'])


def test_which_of_several_teachers():
    with pytest.raises(ConfigError, match="say which teacher, e.g. 'a:neck'"):
        normalise(short(), ['a', 'b'])
    with pytest.raises(ConfigError, match='say which teacher'):
        normalise(verbose(), ['a', 'b'])
