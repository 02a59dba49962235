"""Configs of a user's own, in each form that MMRazor takes."""
import pytest
from mmengine.config import Config

from mmxkd.errors import ConfigError
from mmxkd.migration import convert_mmrazor
from tests.helpers.mmrazor_config import INLINE, write_mmrazor_config
from tests.helpers.mmrazor_shipped import metafiles_read_once

LOSSES = dict(loss_p3=dict(type='PKDLoss', loss_weight=6, student='neck[0]',
                           teacher='neck[0]'))


def convert(tmp_path, *args, new='sub/new.py'):
    with metafiles_read_once():
        done = convert_mmrazor(write_mmrazor_config(tmp_path, *args),
                               tmp_path / new)
    return done, Config.fromfile(tmp_path / new, import_custom_modules=False)


def test_own_student_by_base(tmp_path):
    done, new = convert(tmp_path)
    assert "_base_ = '../student.py'" in done.text
    assert 'student = _base_.model\n' in done.text
    plain = Config.fromfile(tmp_path / 'student.py')
    assert new.model.student.pop('neck') == dict(plain.model.pop('neck'),
                                                 out_channels=12)
    assert new.model.student == plain.model
    assert new.model.teachers == dict(
        teacher=dict(cfg='mmdet::retinanet/retinanet_r101_fpn_2x_coco.py',
                     checkpoint='mine.pth'))
    assert new.model.distiller.losses == LOSSES
    assert new.train_dataloader == plain.train_dataloader


def test_without_any_base(tmp_path):
    text = INLINE.replace(
        "_base_ = 'student.py'\nstudent = _base_.model\n",
        "student = dict(type='Own', neck=dict(a=1))\n"
        "train_cfg = dict(max_epochs=3)\n")
    text = text.replace('_delete_=True, ', '')
    done, new = convert(tmp_path, text)
    assert '_base_' not in done.text and '_delete_' not in done.text
    assert new.model.student == dict(type='Own',
                                     neck=dict(a=1, out_channels=12))
    assert new.train_cfg == dict(max_epochs=3)


def test_rest_of_the_config(tmp_path):
    done, new = convert(
        tmp_path, INLINE + '''
find_unused_parameters = True
val_cfg = dict(_delete_=True, type='mmrazor.SingleTeacherDistillValLoop',
               interval=2)
custom_imports = dict(imports=['not_there'], allow_failed_imports=False)
optimizer_config = dict(grad_clip=None)
optim_wrapper = dict(_delete_=True, type='AmpOptimWrapper',
                     optimizer=dict(type='SGD', lr=0.1),
                     paramwise_cfg=dict(custom_keys={
                         'architecture.neck': dict(lr_mult=2.0)}))
custom_hooks = [dict(type='mmrazor.StopDistillHook', stop_epoch=1)]
''')
    assert new.val_cfg == dict(type='ValLoop', interval=2)
    assert new.custom_imports == dict(imports=['mmxkd', 'not_there'],
                                      allow_failed_imports=False)
    assert new.optim_wrapper == dict(
        type='AmpOptimWrapper', optimizer=dict(type='SGD', lr=0.1),
        paramwise_cfg=dict(custom_keys={'student.neck': dict(lr_mult=2.0)}))
    assert new.custom_hooks == [
        dict(type='mmrazor.StopDistillHook', stop_epoch=1)
    ]
    assert 'find_unused_parameters' not in new
    assert 'optimizer_config' not in new
    for note in ('val_cfg: SingleTeacherDistillValLoop', 'optimizer_config',
                 'architecture.neck is student.neck'):
        assert any(note in n for n in done.notes)
        assert note in done.text.replace('\n#  ', '')


def test_what_only_the_students_config_has(tmp_path):
    """A runner would read it: it is taken back."""
    done, new = convert(
        tmp_path, '''
_base_ = 'mmdet::_base_/datasets/coco_detection.py'
model = dict(type='mmrazor.FpnTeacherDistill', architecture=dict(
    cfg_path='mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'),
    teacher=TEACHER, distiller=DISTILLER)
default_scope = 'mmrazor'
''')
    assert new.param_scheduler is None and new.default_hooks is None
    assert any('has no weights' in note for note in done.notes)
    assert new.default_scope == 'mmrazor'
    assert new.model.student._scope_ == 'mmdet'
    assert 'checkpoint' not in new.model.teachers.teacher


@pytest.mark.parametrize('text, reason', [
    ("model = dict(type='RetinaNet')", "model has no 'architecture'"),
    ('x = 1', "model has no 'architecture'"),
    (INLINE.replace('SingleTeacherDistill', 'SelfDistill'),
     "model.type='SelfDistill': expected one of"),
    (INLINE.replace('teacher_ckpt', 'teacher_chkpt'),
     "model.teacher_chkpt is unknown; did you mean 'teacher_ckpt'"),
    (INLINE.replace('{more}', 'student_trainable=False, '),
     'model.student_trainable=False: here it is always True'),
    (INLINE.replace('teacher=TEACHER, ', ''), 'model.teacher is missing'),
    (INLINE.replace("TEACHER", "dict(cfg_path='mmdet::a/b.py')"),
     'model.teacher.cfg_path=.*mmdet has no such config'),
    (INLINE.replace('TEACHER', 'dict(pretrained=True)'),
     "model.teacher: expected 'cfg_path' or 'type'"),
    ('from mmengine.config import read_base\nwith read_base():\n    pass',
     'in the form of read_base'),
    ("_base_ = 'nothing.py'", 'nothing.py'),
    ('model = dict(', 'no Python'),
    (INLINE + 'x = {1}\n', 'x: a set cannot be written'),
])
def test_refused(tmp_path, text, reason):
    with pytest.raises(ConfigError, match=reason):
        convert(tmp_path, text)
    assert not (tmp_path / 'sub/new.py').exists()


def test_names_of_the_new_file(tmp_path):
    old = write_mmrazor_config(tmp_path)
    before = old.read_text()
    with pytest.raises(ConfigError, match='exists; choose another name'):
        convert_mmrazor(old, old)
    with pytest.raises(ConfigError, match='must end in .py'):
        convert_mmrazor(old, tmp_path / 'new.txt')
    with pytest.raises(ConfigError, match='there is no file'):
        convert_mmrazor(tmp_path / 'older.py', tmp_path / 'new.py')
    assert old.read_text() == before


def test_a_file_that_differs_does_not_stay(tmp_path, monkeypatch):
    """Should the text ever say something else than the old config."""
    from mmxkd.migration import mmrazor
    monkeypatch.setattr(mmrazor, 'changes', lambda new, base: {})
    with pytest.raises(ConfigError, match='something else .* custom_imports'):
        convert(tmp_path)
    assert not (tmp_path / 'sub/new.py').exists()
