"""Faults in the config of the algorithm are answered, not raised from deep
inside.
"""
import pytest
from mmengine.config import ConfigDict

from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS
from tests.helpers.toys import algorithm_cfg, mse


@pytest.mark.parametrize('changes, message', [
    (dict(backbone=dict(depth=18), neck=dict()),
     'no argument backbone, neck; these are parts of a detector: they belong '
     "under model.student.*_delete_=True"),
    (dict(data_preprocessor=dict()), '_delete_=True'),
    (dict(techers=dict()), "no argument techers; did you mean 'teachers'"),
    (dict(distillr=dict()), "no argument distillr; did you mean 'distiller'"),
    (dict(teacher=dict()), "write 'teachers' instead"),
    (dict(architecture=dict()), "write 'student' instead"),
    (dict(distiller=None), 'distiller: no loss is configured'),
    (dict(distiller=3), 'model.distiller=3: expected a dict'),
    (dict(student=None), "model.student={}: expected a model config"),
    (dict(teachers=dict(t=None)), 'teachers.t=None: expected a dict'),
    (dict(teachers=None), 'model.teachers is empty'),
    (dict(dry_run='no'), "model.dry_run='no': expected True, False or"),
    (dict(dry_run=(64, )), 'expected True, False or'),
    (dict(distiller=dict(losses=dict(loss_a=None))),
     'distiller.losses.loss_a=None: expected a dict'),
    (dict(distiller=dict(losses=dict(loss_a=mse(loss_weight=-1)))),
     'loss_weight=-1: expected 0 or more'),
    (dict(distiller=dict(losses=dict(loss_a=mse(
        loss_weight=dict(type='Linear', start=1, stop=-1, end=5))))),
     'expected 0 or more'),
    (dict(distiller=dict(losses=dict(loss_a=mse(level_weights=[1, -1])))),
     r'level_weights=\[1, -1\], expected numbers of 0 or more'),
    (dict(student=dict(type='mmdet.RetinaNett')),
     "model.student: there is no type 'mmdet.RetinaNett'; did you mean "
     "'RetinaNet'"),
    (dict(teachers=dict(t=dict(cfg=dict(type='mmdet.FCOSS'), random=True))),
     "teachers.t.cfg: there is no type 'mmdet.FCOSS'; did you mean 'FCOS'"),
    (dict(distiller=dict(losses=dict(loss_a=mse(connector=dict(
        type='AlignConnector', in_channels=5, out_channels=9))))),
     "'loss_a': its connector does not "
     'suit student:neck'),
])
def test_the_right_word_is_offered(changes, message):
    cfg = algorithm_cfg() | changes
    with pytest.raises(ConfigError, match=message):
        MODELS.build(ConfigDict(cfg))


def test_pkd_names_the_connector():
    import torch

    from mmxkd.losses import PKDLoss
    with pytest.raises(ValueError, match="AlignConnector"):
        PKDLoss()(torch.zeros(1, 2, 3, 3), torch.zeros(1, 4, 3, 3))
