"""Under autocast, regions and losses in 3-D are those of float32."""
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmxkd.mono3d import MonoRoIHead, SMOKEMono3DHead
from mmxkd.mono3d import roi_branch as branch
from mmxkd.mono3d.mono_roi_head import centre_scores
from mmxkd.mono3d.roi_branch import Regions
from mmxkd.registry import MODELS
from tests.helpers.mono_packed import HEIGHT, WIDTH, make_sample, maps

CELL = 9  # original pixels of a cell


def sample() -> Any:
    return make_sample(trans_mat=np.diag([1 / CELL, 1 / CELL, 1.]))


class Rounded(torch.nn.Module):
    """A dense map as autocast gives it, whoever calls."""

    def __init__(self, values: torch.Tensor) -> None:
        super().__init__()
        self.values = values

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if torch.is_autocast_enabled('cpu'):
            return self.values.to(torch.get_autocast_dtype('cpu'))
        return self.values


@pytest.fixture(params=['did', 'gup'])
def head(request) -> MonoRoIHead:
    """With dense maps that bfloat16 holds exactly."""
    init_default_scope('mmdet3d')
    torch.manual_seed(0)
    found = MonoRoIHead(in_channels=8, feat_channels=8, depth=request.param,
                        test_cfg=dict(score_thr=0.))
    found.init_weights()
    shape = (2, HEIGHT // 4, WIDTH // 4)
    found.offset_2d = Rounded(torch.full((1, *shape), 0.375))
    found.size_2d = Rounded(torch.full((1, *shape), 6.5))
    heatmap = torch.randint(-40, 9, (1, 3, *shape[1:])) / 8
    found.heatmap = Rounded(heatmap)
    return found.eval()


@pytest.fixture
def seen(monkeypatch) -> list[Regions]:
    """The regions that the head makes."""
    found: list[Regions] = []
    make = branch.make_regions

    def recorded(*args: Any) -> Regions:
        found.append(make(*args))
        return found[-1]

    monkeypatch.setattr(branch, 'make_regions', recorded)
    return found


def halved(dtype: torch.dtype = torch.bfloat16) -> torch.autocast:
    return torch.autocast('cpu', dtype)


def test_regions_of_training_are_those_of_float32(head, seen):
    plain = head.loss(maps(1), [sample()])
    with halved():
        found = head.loss(maps(1), [sample()])
    for one, two in zip(seen[::2], seen[1::2], strict=True):
        for key in ('corners', 'pixels'):
            value = getattr(two, key)
            assert value.dtype == torch.float32
            # bfloat16 counts by ones from 128 on, and by twos from 256.
            assert torch.equal(value, getattr(one, key))
    assert len(seen) == 2
    assert (seen[0].pixels - seen[0].pixels.bfloat16()).abs().max() > 0.3
    for term, value in found.items():
        torch.testing.assert_close(value, plain[term], rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_detections_are_those_of_float32(head, seen):
    (plain, ) = head.predict(maps(1), [sample()], rescale=True)
    with halved():
        (found, ) = head.predict(maps(1), [sample()], rescale=True)
    assert len(plain) > 10 and seen[1].pixels.dtype == torch.float32
    assert torch.equal(seen[0].pixels, seen[1].pixels)
    torch.testing.assert_close(found.bboxes, plain.bboxes)
    torch.testing.assert_close(found.bboxes_3d.tensor, plain.bboxes_3d.tensor)
    torch.testing.assert_close(found.scores_3d, plain.scores_3d)


def test_layers_still_run_in_half_precision():
    """Full precision begins behind the dense maps."""
    init_default_scope('mmdet3d')
    head = MonoRoIHead(in_channels=8, feat_channels=8)
    with halved():
        assert head(maps(1))['size_2d'].dtype == torch.bfloat16


def test_a_sure_centre_is_finite_in_float16(head):
    """A logit of 9, on an object and beside it; sigmoid 0.99988."""
    scores = centre_scores(torch.tensor([9., -9., 20.]).half())
    assert scores.dtype == torch.float32
    assert scores.tolist() == pytest.approx([0.9998766, 0.0001234, 0.9999],
                                            abs=1e-6)
    size = (1, 3, HEIGHT // 4, WIDTH // 4)
    head.heatmap = Rounded(torch.full(size, 9.))
    plain = head.loss(maps(1), [sample()])
    with halved(torch.float16):
        found = head.loss(maps(1), [sample()])
    assert plain['loss_seg'].isfinite()
    torch.testing.assert_close(found['loss_seg'], plain['loss_seg'])
    # A double is not rounded down.
    assert centre_scores(torch.zeros(1).double()).dtype == torch.float64


def test_a_sure_centre_of_smoke_is_finite_in_float16(repo):
    init_default_scope('mmdet3d')
    cfg = Config.fromfile(repo / 'configs/monommkd/smoke_student_tiny.py')
    head = MODELS.build(cfg.model).bbox_head
    assert type(head) is SMOKEMono3DHead
    head.conv_cls.weight.data.zero_()
    head.conv_cls.bias.data.fill_(9.)
    x = torch.randn(1, head.in_channels, 8, 8)
    with halved(torch.float16):
        scores, boxes = head([x])
        losses = head.loss_by_feat(scores, boxes,
                                   [make_sample(0).gt_instances_3d], [], [])
    assert scores[0].dtype == boxes[0].dtype == torch.float32
    assert scores[0].max().item() == pytest.approx(0.9998766, abs=1e-6)
    assert losses['loss_cls'].isfinite() and losses['loss_cls'] > 0
