import pytest
import torch
from torch import nn

from mmxkd.errors import ConfigError
from mmxkd.families.dry_run import dry_run
from mmxkd.recording.hook_points import parse
from mmxkd.recording.tape import Tape
from tests.helpers.toys import Toy, batch, build, mse, step, toy


def tape_of(model, *texts):
    tape = Tape(model, 'student')
    for text in texts:
        tape.add(parse(text, model, 'student'))
    return tape


def test_leaves_statistics_modes_and_random_numbers_alone():
    model = Toy(dropout=0.5).train()
    model.backbone.bn.eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    torch.manual_seed(3)
    dry_run(model, tape_of(model, 'neck'), 'loss', (32, 32))
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(1))
    assert all(
        torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert model.training and not model.backbone.bn.training
    assert all(p.grad is None for p in model.parameters())


def test_what_lies_behind_the_records_may_refuse():
    model = Toy()
    model.bbox_head = nn.Linear(99, 1)
    tape = tape_of(model, 'neck')
    dry_run(model, tape, 'loss', (32, 32))
    assert tape.full
    with pytest.raises(
            ConfigError, match=r"dry run of 'student' \(Toy\) on "
            r'grey pictures \(2, 3, 32, 32\) failed.*dry_run='):
        dry_run(model, tape_of(model, 'neck', 'bbox_head'), 'loss', (32, 32))


def test_the_size_can_be_set():
    seen = []

    class Curious(Toy):

        def forward(self, inputs, *args, **kwargs):
            seen.append(tuple(inputs.shape[-2:]))
            return super().forward(inputs, *args, **kwargs)

    build(student=dict(type=Curious), dry_run=(64, 32))
    assert seen == [(64, 32)]


def test_without_a_dry_run_connectors_must_be_stated():
    teacher = dict(cfg=toy(out_channels=9), random=True)
    model = build(
        teacher=teacher, dry_run=False, loss_a=mse(connector=dict(
            type='AlignConnector', in_channels=6, out_channels=9)))
    assert step(model)['distill/loss_a'] > 0
    with pytest.raises(ValueError, match='level 0 is'):
        step(build(teacher=teacher, dry_run=False))


def test_works_inside_a_building_that_forbids_gradients():
    with torch.no_grad():
        model = build()
    losses = step(model, batch())
    assert losses['distill/loss_neck'].requires_grad
