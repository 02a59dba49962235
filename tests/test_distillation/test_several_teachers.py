"""A loss that reads any number of teachers, from the config on."""
import pytest
import torch

from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS
from tests.helpers.toys import step, toy


def build(student, teacher, dry_run=True, **options):
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmxkd.CrossModalDistill', student=toy(),
            teachers=dict(rgb=dict(cfg=toy(out_channels=9), random=True),
                          depth=dict(cfg=toy(out_channels=4), random=True),
                          thermal=dict(cfg=toy(out_channels=6), random=True)),
            distiller=dict(
                log_levels=True, losses=dict(loss_mta=dict(
                    type='MultiTeacherAlignmentLoss', student=student,
                    teacher=teacher, **options))), dry_run=dry_run))
    model.init_weights()
    return model.train()


def recorded(model):
    """What the necks of student and teachers give in the next step."""
    seen = {}
    nets = dict(
        student=model.student,
        **{name: teacher.model for name, teacher in model.teachers.items()})
    for name, net in nets.items():
        net.neck.register_forward_hook(
            lambda m, a, out, name=name: seen.update({name: out}),
            prepend=True)
    return seen


NAMES = ['rgb', 'depth', 'thermal']


@pytest.mark.parametrize('fusion', ['joint', 'summed'])
@pytest.mark.parametrize('layer', ['neck', 'neck[0]'])
def test_teachers_are_fused(fusion, layer):
    model = build(layer, [f'{name}:{layer}' for name in NAMES], fusion=fusion,
                  temperature=0.1)
    bound = model.distiller.losses['loss_mta']
    assert bound.inputs.teachers == set(NAMES) and bound.connector is None
    seen = recorded(model)
    losses = step(model)
    part = slice(0, 2 if layer == 'neck' else 1)
    levels = bound.module.levels(list(seen['student'][part]),
                                 [list(seen[name][part]) for name in NAMES])
    torch.testing.assert_close(losses['distill/loss_mta'], sum(levels))
    assert losses['distill/loss_mta'] > 0
    if layer == 'neck':
        torch.testing.assert_close(losses['distill/raw_mta_1'],
                                   levels[1].detach())
    losses['distill/loss_mta'].backward()
    assert model.student.backbone.stem.weight.grad.abs().max() > 0


def test_sizes_that_differ_are_refused():
    teachers = ['rgb:neck[0]', 'depth:neck[1]', 'thermal:neck[0]']
    with pytest.raises((ConfigError, ValueError),
                       match='level 0 is 8×12 .* 4×6 in teacher 1'):
        step(build('neck[0]', teachers, dry_run=False))


def test_a_connector_resizes_the_student():
    model = build(
        'neck[1]', [f'{name}:neck[0]' for name in NAMES],
        connector=dict(type='AlignConnector', in_channels=6, out_channels=6))
    assert step(model)['distill/loss_mta'] > 0
