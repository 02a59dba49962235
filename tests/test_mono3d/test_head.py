"""What a monocular head must never do."""
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData

from mmxkd.errors import ConfigError
from mmxkd.mono3d import MonoRoIHead
from mmxkd.mono3d.coder import MonoCoder
from mmxkd.mono3d.geometry import Cameras
from mmxkd.mono3d.mono_roi_head import TERMS
from mmxkd.mono3d.roi_branch import Cells, legacy_roi_align
from tests.helpers.mono_packed import HEIGHT, P2, WIDTH, make_sample, maps


@pytest.fixture(params=['did', 'gup'])
def head(request) -> MonoRoIHead:
    init_default_scope('mmdet3d')
    torch.manual_seed(0)
    found = MonoRoIHead(in_channels=8, feat_channels=8, depth=request.param,
                        test_cfg=dict(score_thr=0.))
    found.init_weights()
    return found


def step(head: MonoRoIHead, samples: list) -> dict:
    losses = head.loss(maps(len(samples)), samples)
    total = sum(v for k, v in losses.items() if k.startswith('loss_'))
    assert total.isfinite()
    total.backward()
    for name, parameter in head.named_parameters():
        if parameter.requires_grad:
            # DDP waits for each of them.
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
    for name, buffer in head.named_buffers():
        assert buffer.isfinite().all(), name
    return losses


def test_losses_have_names_that_are_summed_once(head):
    losses = step(head, [make_sample(), make_sample(1)])
    assert list(losses) == [f'loss_{t}'
                            for t in TERMS] + [f'raw_{t}' for t in TERMS]


def test_task_weights_scale_what_is_summed_and_not_what_is_logged(head):
    head.eval()
    samples = [make_sample(), make_sample(1)]
    plain = head.loss(maps(), samples)
    head.task_weights = {t: 0.25 for t in TERMS}
    scaled = head.loss(maps(), samples)
    for term in TERMS:
        torch.testing.assert_close(scaled[f'loss_{term}'],
                                   plain[f'loss_{term}'] / 4)
        torch.testing.assert_close(scaled[f'raw_{term}'], plain[f'raw_{term}'])


def test_a_batch_without_objects(head):
    losses = step(head, [make_sample(0), make_sample(0)])
    assert losses['loss_seg'] > 0
    assert all(losses[f'loss_{t}'] == 0 for t in TERMS[1:])


@pytest.mark.parametrize('depth', [0., 70.])
def test_an_object_with_no_valid_depth_cell(head, depth):
    step(head, [make_sample(depth=depth), make_sample(1)])


def test_kept_says_which_objects_are_learned(head):
    sample = make_sample(3)
    sample.gt_instances_3d.kept = torch.tensor([True, False, True])
    targets = head.get_targets([sample], (HEIGHT // 4, WIDTH // 4))
    assert targets.cells.label.tolist() == [0, 2]
    assert (targets.heatmap.flatten(2).amax(2) == 1).tolist() == [[
        True, False, True
    ]]


def test_fifty_one_objects(head):
    targets = head.get_targets([make_sample(51)], (HEIGHT // 4, WIDTH // 4))
    assert len(targets.cells) == 51
    step(head, [make_sample(51)])


def test_negative_extents(head):
    """An untrained head predicts such boxes."""
    with torch.no_grad():
        head.size_2d[-1].bias.fill_(-9.)
    step(head, [make_sample(), make_sample(1)])
    rois = torch.tensor([[10., 10., 4., 4.]])
    assert legacy_roi_align(maps(1)[0], torch.tensor([0]), rois,
                            7).isfinite().all()


def test_holes_of_a_sparse_map_do_not_pull_depth_to_zero(head):
    """One pixel in nine is known, all of them 20 m."""
    sample = make_sample()
    sparse = torch.zeros(1, HEIGHT, WIDTH)
    sparse[:, ::3, ::3] = 20
    sample.gt_depth = PixelData(data=sparse)
    size = (HEIGHT // 4, WIDTH // 4)
    args = ([sample], size, torch.ones(3, 3))
    found = head.encoder(*args)
    assert found.depth_valid.all()
    torch.testing.assert_close(found.vis_depth,
                               torch.full_like(found.vis_depth, 20))
    head.encoder.fill_holes = False
    assert not head.encoder(*args).depth_valid.any()


@torch.no_grad()
def test_detections_are_finite_and_in_front(head):
    head.eval()
    x = maps()
    for found in head.predict(x, [make_sample(), make_sample()], rescale=True):
        rows = found.bboxes_3d.tensor
        assert len(rows) and rows.isfinite().all()
        assert (rows[:, 2:6] > 0).all()
        scores = found.scores_3d
        assert (scores[:-1] >= scores[1:]).all()


@torch.no_grad()
def test_what_cannot_be_is_dropped():
    """z <= 0, a size <= 0, and what is not finite."""
    coder = MonoCoder(score_thr=0.)

    class Depth:
        threshold_first = True
        mean_size = torch.tensor([[1., 1., 1.]])

        @staticmethod
        def decode(outputs):
            return outputs['z'], torch.ones(5)

    cells = Cells(
        torch.zeros(5).long(), torch.arange(5),
        torch.zeros(5).long())
    outputs = dict(z=torch.tensor([9., -1., 9., 9., torch.nan]),
                   size_3d=torch.zeros(5, 3), offset_3d=torch.zeros(5, 2),
                   heading=torch.zeros(5, 24))
    outputs['size_3d'][2, 1] = -1.
    outputs['offset_3d'][3, 0] = torch.inf
    dense = dict(heatmap=torch.zeros(1, 1, 2, 4),
                 offset_2d=torch.zeros(1, 2, 2, 4),
                 size_2d=torch.ones(1, 2, 2, 4))
    cameras = Cameras(torch.from_numpy(P2[None, :3]),
                      torch.tensor([[[0., 0.], [16., 8.]]]))
    found = coder.decode(dense, outputs, cells, torch.ones(5), cameras, Depth)
    assert found.kept.tolist() == [True, False, False, False, False]


@torch.no_grad()
def test_boxes_in_pixels_of_the_input_or_of_the_picture(head):
    """The picture is twice as large as the input."""
    head.eval()
    sample = make_sample(trans_mat=np.diag([.125, .125, 1.]))
    (inside, ) = head.predict(maps(1), [sample])
    (original, ) = head.predict(maps(1), [sample], rescale=True)
    torch.testing.assert_close(original.bboxes, 2 * inside.bboxes)
    torch.testing.assert_close(original.bboxes_3d.tensor,
                               inside.bboxes_3d.tensor)


@torch.no_grad()
def test_what_is_encoded_is_decoded(head):
    """A head that predicts its own targets finds the objects."""
    size = (HEIGHT // 4, WIDTH // 4)
    sample = make_sample(3)
    targets = head.get_targets([sample], size)
    cells = targets.cells

    def dense(values: torch.Tensor) -> torch.Tensor:
        found = torch.zeros(1, 2, *size)
        found.flatten(2)[cells.image, :, cells.index] = values
        return found

    heading = torch.zeros(3, 24)
    rows = torch.arange(3)
    heading[rows, targets.heading_bin] = 9.
    heading[rows, 12 + targets.heading_bin] = targets.heading_res
    zeros = torch.full((3, 7, 7), -20.)
    outputs = dict(offset_3d=targets.offset_3d, size_3d=targets.size_3d,
                   heading=heading,
                   ins_depth=targets.depth[:, None, None].expand(3, 7, 7),
                   ins_depth_uncer=zeros,
                   depth=torch.stack([targets.depth, zeros[:, 0, 0]], 1))
    maps_ = dict(heatmap=targets.heatmap, offset_2d=dense(targets.offset_2d),
                 size_2d=dense(targets.size_2d))
    from mmxkd.mono3d.camera_of import cameras_of
    cameras = cameras_of([sample], size)
    found = head.coder.decode(maps_, outputs, cells, torch.ones(3), cameras,
                              head.roi_branch.depth)
    torch.testing.assert_close(found.rows().float(),
                               sample.gt_instances_3d.bboxes_3d.tensor,
                               rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.boxes.float(), sample.gt_instances.bboxes,
                               rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('change, message', [
    (dict(cam2img=None), 'cam2img'),
    (dict(cam2img=P2 + [[0, 3., 0, 0]] + np.zeros((4, 1))), 'skew'),
    (dict(cam2img=P2 * [[1.02], [1.], [1.], [1.]]), 'focal lengths 204'),
    (dict(trans_mat=np.full((3, 3), np.nan)), 'trans_mat'),
    (dict(projection='by_z'), 'give both the same'),
])
def test_cameras_that_cannot_be_used_are_named(head, change, message):
    with pytest.raises(ConfigError, match=f'000007.png.*{message}'):
        head.loss(maps(1), [make_sample(**change)])


def test_a_sample_without_depth_is_named(head):
    sample = make_sample()
    del sample.gt_depth
    if head.roi_branch.depth.reads_depth_maps:
        with pytest.raises(ConfigError, match='000007.png has no gt_depth'):
            head.loss(maps(1), [sample])
    else:
        head.loss(maps(1), [sample])


@pytest.mark.parametrize('options, message', [
    (dict(depth='dit'), "'did'"),
    (dict(num_classes=2), 'num_classes=2'),
    (dict(mean_sizes=[[1., 2., 0.]] * 3), 'above 0'),
    (dict(test_cfg=dict(topk=0)), 'topk=0'),
    (dict(test_cfg=dict(topk=50.)), 'topk=50.0'),
    (dict(test_cfg=dict(topk=None)), 'topk=None'),
    (dict(test_cfg=dict(score_thr='0.2')), "score_thr='0.2'"),
    (dict(encoder=dict(gate=-1)), 'gate=-1'),
    (dict(encoder=dict(min_overlap=5)), 'min_overlap=5'),
    (dict(projection='byz'), "'by_z'"),
    (dict(start_extent=(10., 0.)), 'start_extent'),
    (dict(start_extent=(10., )), 'start_extent'),
])
def test_options_that_cannot_be(options, message):
    init_default_scope('mmdet3d')
    with pytest.raises(ConfigError, match=message):
        head = MonoRoIHead(in_channels=2, feat_channels=2, **options)
        head.get_targets([make_sample()], (HEIGHT // 4, WIDTH // 4))


def test_boxes_start_without_extent_or_with_a_stated_one():
    init_default_scope('mmdet3d')
    for extent in (None, (10., 4.)):
        head = MonoRoIHead(in_channels=8, feat_channels=8, start_extent=extent)
        head.init_weights()
        sizes = head(maps())['size_2d']
        expected = torch.tensor(extent or (0., 0.)).view(1, 2, 1, 1)
        assert (sizes - expected).abs().max() < 0.1
        # A hidden layer of tiny weights learns nothing but a mean for long.
        hidden = head.size_2d[0].weight.std()
        assert hidden > 0.05 if extent else hidden < 0.002


def test_depth_starts_around_a_metre_or_where_stated():
    init_default_scope('mmdet3d')
    for start in (None, 20.):
        head = MonoRoIHead(
            in_channels=8, feat_channels=8,
            depth=dict(type='mmxkd.DidDepthHead', start_depth=start))
        head.init_weights()
        depth = head.roi_branch.depth
        features = torch.randn(4, 8 + 2 + 3, 7, 7)
        seen = (-depth.vis_depth(features)).exp()
        sigma = (depth.vis_depth_uncer(features) / 2).exp()
        if start:
            assert torch.allclose(seen, torch.tensor(20.), rtol=0.05)
            assert torch.allclose(sigma, torch.tensor(10.), rtol=0.05)
        else:
            assert seen.std() > 0.1 and 0.3 < seen.median() < 3
    with pytest.raises(ConfigError, match='start_depth.*above 0'):
        MonoRoIHead(depth=dict(type='mmxkd.DidDepthHead', start_depth=0))
