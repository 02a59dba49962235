"""A stock detector learns from LiDAR depth by the config that is shown."""
import re
from pathlib import Path

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from mmxkd.registry import MODELS

PAGE = Path(__file__).resolve().parents[3] / 'docs/losses/dual_kl.md'


@pytest.fixture
def model(tmp_path):
    shown = [
        text for text in re.findall(r'^```python\n(.*?)^```$',
                                    PAGE.read_text(), re.M | re.S)
        if 'DepthDualKLLoss' in text
    ]
    path = tmp_path / 'shown.py'
    path.write_text(shown[0].replace("checkpoint='lidar.pth'", 'random=True'))
    cfg = Config.fromfile(path).model
    cfg.student.backbone.init_cfg = None
    init_default_scope('mmdet')
    torch.manual_seed(0)
    found = MODELS.build(cfg)
    found.init_weights()
    return found.train()


def batch(share: float) -> dict:
    """Two images; depth is known for a share of the pixels."""
    samples, images, scans = [], [], []
    for _ in range(2):
        sample = DetDataSample(
            metainfo=dict(img_shape=(64,
                                     90), ori_shape=(64,
                                                     90), scale_factor=(1.,
                                                                        1.)))
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor([[10., 10., 60., 60.]]),
            labels=torch.tensor([1]))
        sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4),
                                                labels=torch.zeros(0).long())
        samples.append(sample)
        images.append(torch.randint(255, (3, 64, 90)))
        known = torch.rand(1, 64, 90) < share
        scans.append(torch.rand(1, 64, 90) * 60 * known)
    return dict(inputs=dict(img=images, depth=scans), data_samples=samples)


def step(model, share: float) -> dict:
    model.zero_grad()
    losses = model(**model.data_preprocessor(batch(share), True), mode='loss')
    total, logs = model.parse_losses(losses)
    (logs['gradient'], ) = torch.autograd.grad(
        losses['distill/loss_dual_kl'], model.neck.fpn_convs[0].conv.weight,
        retain_graph=True)
    total.backward()
    assert total.isfinite()
    return logs


def test_depth_branch_and_student_learn_and_the_teacher_does_not(model):
    (teacher, ) = (t.model for t in model.teachers.values())
    before = [p.clone() for p in teacher.parameters()]
    branch = model.distiller.connectors['depth']
    logs = step(model, share=0.1)
    assert logs['distill/loss_depth'] > 1
    assert logs['distill/loss_dual_kl'] > 0.1
    assert logs['gradient'].abs().max() > 0
    assert branch.weight.grad.abs().max() > 0
    for one, two in zip(before, teacher.parameters(), strict=True):
        assert torch.equal(one, two) and two.grad is None


def test_a_scan_without_any_point_teaches_nothing_and_breaks_nothing(model):
    branch = model.distiller.connectors['depth']
    logs = step(model, share=0.)
    assert logs['distill/loss_depth'] == logs['distill/loss_dual_kl'] == 0
    assert (branch.weight.grad == 0).all() and (logs['gradient'] == 0).all()
