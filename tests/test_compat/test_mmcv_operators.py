import pytest
import torch
from mmcv.ops import batched_nms, nms, roi_align

import mmxkd  # noqa: F401


def test_operators_fail_without_the_repair(run_python):
    code = ('import torch; from mmcv.ops import nms; '
            'b = torch.tensor([[0., 0, 4, 4]]); '
            'nms(b.bfloat16(), torch.ones(1).bfloat16(), 0.5)')
    done = run_python('-c', code, check=False)
    assert done.returncode != 0 and 'found BFloat16' in done.stderr
    run_python('-c', 'import mmxkd; ' + code)


def test_nms_keeps_what_it_keeps_in_float32():
    boxes = torch.tensor([[0., 0, 8, 8], [1, 1, 9, 9], [20, 20, 30, 30]])
    scores = torch.tensor([0.5, 0.75, 0.25])
    for function, more in ((nms, (0.5, )), (batched_nms,
                                            (torch.tensor([0, 0, 1]),
                                             dict(type='nms',
                                                  iou_threshold=0.5)))):
        kept = function(boxes.bfloat16(), scores.bfloat16(), *more)[1]
        assert kept.tolist() == [1, 2]


def test_roi_align_and_its_gradient():
    feature = torch.randn(1, 2, 8, 8).bfloat16()
    rois = torch.tensor([[0., 1, 1, 6, 6]])
    wide = feature.float().requires_grad_()
    narrow = feature.clone().requires_grad_()
    expected = roi_align(wide, rois, (2, 2))
    output = roi_align(narrow, rois.bfloat16(), (2, 2))
    assert output.dtype == torch.bfloat16
    torch.testing.assert_close(output, expected.bfloat16())
    expected.bfloat16().sum().backward()
    output.sum().backward()
    assert narrow.grad.dtype == torch.bfloat16
    torch.testing.assert_close(narrow.grad, wide.grad.bfloat16())


@pytest.mark.parametrize('mode', ['avg', 'max'])
def test_roi_align_of_channels_last_maps(mode):
    maps = torch.randn(2, 3, 8, 8)
    rois = torch.tensor([[0., 1, 1, 6, 6], [1., 0, 2, 5, 7]])
    found = []
    for form in (torch.contiguous_format, torch.channels_last):
        leaf = maps.clone(memory_format=form).requires_grad_()
        output = roi_align(leaf, rois, (2, 2), 1.0, 0, mode)
        output.square().sum().backward()
        found.append((output.detach(), leaf.grad))
    for plain, last in zip(*found, strict=True):
        assert torch.equal(plain, last)
