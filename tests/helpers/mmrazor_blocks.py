"""A distiller in MMRazor's words with one loss per level, and its losses."""
import torch

from mmxkd.registry import MODELS
from tests.helpers.detectors import narrow, pictures
from tests.helpers.toys import step

LEVELS = 4  # The fifth has one cell: as good as constant in each channel.


def block(loss, connector=None):
    """One recorder, and a loss, a mapping and a connector for each level."""

    def mapping(level):
        student = dict(from_student=True, recorder='fpn', data_idx=level)
        if connector:
            student['connector'] = f's_fpn{level}_connector'
        return dict(
            preds_S=student, preds_T=dict(from_student=False, recorder='fpn',
                                          data_idx=level))

    found = dict(
        type='ConfigurableDistiller',
        student_recorders=dict(fpn=dict(type='ModuleOutputs', source='neck')),
        teacher_recorders=dict(fpn=dict(type='ModuleOutputs', source='neck')),
        distill_losses={f'loss_fpn{i}': loss for i in range(LEVELS)},
        loss_forward_mappings={
            f'loss_fpn{i}': mapping(i) for i in range(LEVELS)
        })
    if connector:
        found['connectors'] = {
            f's_fpn{i}_connector': connector for i in range(LEVELS)
        }
    return found


def build(distiller):
    """A student and a teacher of the same kind, both with random weights."""
    torch.manual_seed(0)
    model = MODELS.build(
        dict(type='mmxkd.CrossModalDistill', student=narrow('retinanet'),
             teachers=dict(t=dict(cfg=narrow('retinanet'), random=True)),
             distiller=distiller)).train()
    model.init_weights()
    torch.manual_seed(1)
    for part in (model.student, model.teachers['t'].model):
        for parameter in part.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
    return model


def values(model):
    """The loss of each level, and a gradient of the student."""
    torch.manual_seed(2)
    logs = step(model, pictures())
    found = [logs[f'distill/loss_fpn{i}'] for i in range(LEVELS)]
    sum(found).backward()
    gradient = model.student.backbone.conv1.weight.grad
    assert gradient.abs().max() > 0
    return torch.stack(found).detach(), gradient
