"""A teacher that is called again, after the student has run."""

import pytest
import torch

from mmxkd.distillation import Teacher
from mmxkd.errors import ConfigError
from mmxkd.recording.hook_points import parse
from mmxkd.registry import MODELS
from tests.helpers.toys import algorithm_cfg, build, step, toy


def teacher_of(**kwargs):
    torch.manual_seed(0)
    return Teacher('t', toy(dropout=0.5), random=True, **kwargs)


def test_eval_without_gradient_and_unchanged():
    teacher = teacher_of()
    before = {k: v.clone() for k, v in teacher.model.state_dict().items()}
    # Something that may not happen has happened.
    teacher.model.train()
    inputs = torch.randn(2, 3, 16, 16, requires_grad=True)
    with teacher.late_call() as model:
        first = model.backbone(inputs)[0]
        assert torch.equal(first, model.backbone(inputs)[0])
    assert not first.requires_grad and not model.training
    assert torch.is_grad_enabled()
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_gradient_reaches_what_is_given_but_no_weight():
    teacher = teacher_of()
    inputs = torch.randn(2, 3, 16, 16, requires_grad=True)
    with teacher.late_call(gradient=True) as model:
        model.backbone(inputs)[0].sum().backward()
    assert inputs.grad.abs().max() > 0
    assert all(p.grad is None for p in model.parameters())


def test_no_gradient_where_there_is_none():
    inputs = torch.randn(2, 3, 16, 16, requires_grad=True)
    with torch.no_grad(), teacher_of().late_call(gradient=True) as model:
        assert not model.backbone(inputs)[0].requires_grad


@pytest.mark.parametrize('dtype, expected', [('fp32', torch.float32),
                                             ('bf16', torch.bfloat16)])
def test_in_the_teachers_precision(dtype, expected):
    teacher = teacher_of(dtype=dtype)
    with torch.autocast('cpu', torch.bfloat16):
        with teacher.late_call() as model:
            found = model.backbone.down(torch.zeros(1, *_channels(model)))
    assert found.dtype == expected


@pytest.mark.parametrize('dtype, expected', [('fp16', torch.float32),
                                             ('bf16', torch.bfloat16)])
def test_gradients_do_not_pass_in_fp16(dtype, expected):
    """A gradient of 2e-8 would be 0 there."""
    teacher = teacher_of(dtype=dtype)
    inputs = torch.zeros(1, *_channels(teacher.model), requires_grad=True)
    with teacher.late_call(gradient=True) as model:
        found = model.backbone.down(inputs)
    assert found.dtype == expected
    (2e-8 * found.float().sum()).backward()
    assert inputs.grad.abs().max() > 0


def _channels(model):
    return model.backbone.down.in_channels, 8, 8


def test_nothing_is_recorded():
    teacher = teacher_of()
    point = parse('backbone.stem', teacher.model, 't')
    teacher.tape.add(point)
    inputs = torch.randn(2, 3, 16, 16)
    teacher.watch(inputs, None)
    with teacher.late_call() as model:
        model.backbone(inputs)
    assert len(teacher.tape.recorders['backbone.stem', 'outputs'].records) == 1


@MODELS.register_module(force=True)
class AskAgainLoss(torch.nn.Module):
    """The teacher's layer, applied to the student's feature."""

    def forward(self, s_feature, t_feature, teacher_model):
        self.seen = teacher_model
        with teacher_model.late_call(gradient=True) as model:
            again = model.backbone.act(s_feature)
        return (again - t_feature.detach()).square().mean()


def test_a_loss_gets_its_own_teacher():
    loss = dict(type='AskAgainLoss', student='backbone[0]',
                teacher='t:backbone[0]')
    model = build(loss_again=loss)
    losses = step(model)
    assert model.distiller.losses['loss_again'].module.seen is (
        model.teachers['t'])
    losses['distill/loss_again'].backward()
    assert model.student.backbone.stem.weight.grad.abs().max() > 0


def test_of_several_teachers_none_is_the_one():
    cfg = algorithm_cfg(
        loss_again=dict(type='AskAgainLoss', student='backbone[0]',
                        teacher=['a:backbone[0]', 'b:backbone[0]']))
    (one, ) = cfg['teachers'].values()
    cfg['teachers'] = dict(a=one, b=one)
    with pytest.raises(ConfigError, match=r"it reads one, not \['a', 'b'\]"):
        MODELS.build(cfg)


def test_two_processes_of_which_one_has_no_objects(repo, run_python, tmp_path,
                                                   free_port):
    """Every parameter gets a gradient in both, so that DDP does not wait."""
    run_python('-m', 'torch.distributed.run', '--nproc_per_node=2',
               f'--master_port={free_port}',
               repo / 'tests/helpers/ddp_heads.py', tmp_path)
    one, other = ((tmp_path / f'rank_{rank}.txt').read_text()
                  for rank in (0, 1))
    assert one == other and len(one.split()) == 3
