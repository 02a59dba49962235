"""Parts of the SSDs: what they refuse, and where they equal mmdet's."""
import pytest
import torch
from mmdet.models.dense_heads import SSDHead
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.structures import InstanceData

from mmxkd.errors import ConfigError
from mmxkd.models import (
    ClampedSSDAnchorGenerator,
    ClasswiseSSDHead,
    InvertedResidualNeck,
    SlimSSDVGG,
    SSDAssigner,
    TappedMobileNetV2,
)
from mmxkd.registry import MODELS, TASK_UTILS

pytestmark = pytest.mark.usefixtures('mmdet_scope')

SIDES = [(side, side) for side in (19, 10, 5, 3, 2, 1)]


@pytest.fixture(scope='module')
def models(repo):
    return Config.fromfile(repo / 'configs/_base_/models/ssd3000.py')


def test_without_clamping_priors_are_mmdets(models):
    """Levels whose priors lie in the picture."""
    own = TASK_UTILS.build(models.priors)
    stock = TASK_UTILS.build(
        dict(models.priors, type='SSDAnchorGenerator', scale_major=False))
    for level, (found, expected) in enumerate(
            zip(
                *(generator.grid_priors(SIDES, device='cpu')
                  for generator in (own, stock)), strict=True)):
        centre = (expected[:, :2] + expected[:, 2:]) / 2
        size = expected[:, 2:] - expected[:, :2]
        inside = ((centre <= 300) & (size <= 300)).all(1)
        assert inside.all() == (level in (0, 2))
        torch.testing.assert_close(found[inside], expected[inside], rtol=0,
                                   atol=1e-3)
        assert not torch.allclose(found[~inside],
                                  expected[~inside]) or inside.all()


def test_assigned_as_by_mmdet_but_for_ties(models):
    """Boxes that no two priors overlap equally."""
    own = TASK_UTILS.build(models.train_and_test.train_cfg.assigner)
    assert isinstance(own, SSDAssigner)
    cfg = dict(models.train_and_test.train_cfg.assigner, type='MaxIoUAssigner')
    del cfg['anchor_generator']
    stock = TASK_UTILS.build(cfg)
    priors = torch.cat(own_priors(models))
    torch.manual_seed(0)
    for _ in range(5):
        corner = torch.rand(6, 2) * 150
        boxes = torch.cat([corner, corner + 90 + torch.rand(6, 2) * 50], 1)
        objects = InstanceData(bboxes=boxes, labels=torch.arange(6))
        results = [
            assigner.assign(InstanceData(priors=priors), objects)
            for assigner in (own, stock)
        ]
        assert torch.equal(results[0].gt_inds, results[1].gt_inds)
        assert torch.equal(results[0].labels, results[1].labels)
        assert (results[0].gt_inds > 0).sum() > 6


def own_priors(models):
    return TASK_UTILS.build(models.priors).grid_priors(SIDES, device='cpu')


def classwise(**test_cfg):
    priors = dict(type='mmxkd.ClampedSSDAnchorGenerator', strides=[300],
                  ratios=[[2]], min_sizes=[200], max_sizes=[250])
    return ClasswiseSSDHead(in_channels=(8, ), anchor_generator=priors,
                            test_cfg=test_cfg)


SSD_TEST = dict(score_thr=.1, top_k=9, max_per_img=9)


@pytest.mark.parametrize('build, reason', [
    (lambda: SlimSSDVGG(width=0), 'width=0, expected a number in'),
    (lambda: SlimSSDVGG(width=1.5), 'width=1.5'),
    (lambda: SlimSSDVGG(width=.001), 'width=0.001, .* first layer a channel'),
    (lambda: SlimSSDVGG(out_feature_indices=(99, )), 'some of 0..34'),
    (lambda: SlimSSDVGG(out_feature_indices=(-1, )), 'some of 0..34'),
    (lambda: TappedMobileNetV2(out_indices=(1, )), 'out_indices cannot be se'),
    (lambda: InvertedResidualNeck((8, 8), (4, 4), (.5, )), '1 expand_ratios'),
    (lambda: ClampedSSDAnchorGenerator([16], [[2]], None, [9]), 'min_sizes=N'),
    (lambda: classwise(nms_pre=1000), "nms_pre is unknown; .*'nms'"),
    (lambda: classwise(**SSD_TEST, nms=dict(type='soft_nms')),
     r"test_cfg.nms.type='soft_nms', expected one of"),
    (lambda: classwise(**SSD_TEST, nms=dict(type='nms')),
     'test_cfg.nms lacks iou_threshold'),
    (lambda: classwise(**SSD_TEST, nms=dict(type='nms', iou_thr=.5)),
     "test_cfg.nms.iou_thr is unknown; did you mean 'iou_threshold'"),
    (lambda: classwise(score_thr=.1),
     'test_cfg lacks top_k, nms, max_per_img'),
    (lambda: SSDAssigner(
        dict(type='mmdet.SSDAnchorGenerator', strides=[8], ratios=[[2]],
             min_sizes=[9], max_sizes=[20]), pos_iou_thr=.5, neg_iou_thr=.5),
     'expected a mmxkd.ClampedSSDAnchorGenerator'),
])
def test_refused_arguments(build, reason):
    with pytest.raises(ConfigError, match=reason):
        build()


def test_narrow_vgg_has_the_layers_of_the_wide_one():
    wide, narrow = SlimSSDVGG(), SlimSSDVGG(width=.25)
    assert [type(m)
            for m in wide.features] == [type(m) for m in narrow.features]
    for name, value in wide.state_dict().items():
        found = narrow.state_dict()[name].shape
        expected = [n // 4 if n > 3 else n for n in value.shape[:2]]
        assert list(found) == expected + list(value.shape[2:])


def test_norms_of_vgg_lie_behind_its_convolutions_and_train():
    plain, normed = (SlimSSDVGG(width=.125, norm_cfg=norm_cfg).train()
                     for norm_cfg in (None, dict(type='BN')))
    image = torch.randn(2, 3, 75, 75)
    for name, layer in plain.features.named_children():
        other = normed.features[int(name)]
        if not isinstance(layer, torch.nn.Conv2d):
            assert type(other) is type(layer)
            continue
        conv, norm = other
        assert conv.weight.shape == layer.weight.shape
        assert norm.training and norm.weight.requires_grad
        torch.testing.assert_close(norm.weight, torch.ones_like(norm.weight))
    torch.testing.assert_close(normed.features[0](image).mean((0, 2, 3)),
                               torch.zeros(8), rtol=0, atol=1e-5)
    assert [m.shape for m in normed(image)] == [m.shape for m in plain(image)]


def test_a_batch_of_one_is_refused_in_training():
    neck = InvertedResidualNeck((8, 8), (4, ), (.5, ))
    maps = (torch.rand(1, 8, 4, 4), torch.rand(1, 8, 2, 2))
    with pytest.raises(ConfigError, match='a batch of 1 cannot train'):
        neck.train()(maps)
    assert neck.eval()(maps)[-1].shape == (1, 4, 1, 1)
    pairs = tuple(torch.cat([m, m + 1]) for m in maps)
    assert neck.train()(pairs)[-1].shape == (2, 4, 1, 1)


def samples(boxes):
    found = []
    for own in boxes:
        sample = DetDataSample(metainfo=dict(img_shape=(300, 300), pad_shape=(
            300, 300), ori_shape=(300, 300), batch_input_shape=(
                300, 300), scale_factor=(1.0, 1.0)))
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor(own).reshape(-1, 4),
            labels=torch.zeros(len(own), dtype=torch.long))
        found.append(sample)
    return found


def test_pictures_without_objects_teach_nothing(models):
    """Also those whose objects are all difficult: finite, no gradient."""
    head = MODELS.build(
        dict(models.mb2_ssdlite.bbox_head, in_channels=(8, ) * 6,
             train_cfg=models.mb2_ssdlite.train_cfg))
    maps = [torch.rand(2, 8, *side) for side in SIDES]
    losses = head.loss(maps, samples([[], []]))
    total = sum(sum(value) for value in losses.values())
    assert total.item() == 0
    total.backward()
    assert all(p.grad is None or not p.grad.any() for p in head.parameters())
    # With one object it does.
    losses = head.loss(maps, samples([[[20., 20., 90., 90.]], []]))
    assert all(sum(value).item() > 0 for value in losses.values())


def test_candidates_without_nms(models):
    head = MODELS.build(
        dict(models.vgg16_ssd.bbox_head, in_channels=(8, ) * 6,
             test_cfg=models.vgg16_ssd.test_cfg))
    assert isinstance(head, SSDHead)
    torch.manual_seed(0)
    scores = [torch.randn(1, 126, *side) for side in SIDES]
    boxes = [torch.randn(1, 24, *side) for side in SIDES]
    metas = [dict(img_shape=(300, 300))]
    every, few = (head.predict_by_feat(scores, boxes, batch_img_metas=metas,
                                       with_nms=nms)[0]
                  for nms in (False, True))
    assert torch.bincount(every.labels).tolist() == [200] * 20
    assert len(few) < len(every)


def test_other_priors_are_refused_with_both_layouts(models, repo):
    """mmdet's SSD300 has 8732 priors, and cannot teach this student."""
    cfg = Config.fromfile(repo / 'configs/ssd_kd/mb2-ssdlite_kd_voc.py').model
    cfg.teachers.vgg.cfg = 'mmdet::pascal_voc/ssd300_voc0712.py'
    with pytest.raises(ConfigError) as caught:
        MODELS.build(cfg)
    for layout in ('priors a cell 4, 6, 6, 6, 4, 4, 8732 priors',
                   'priors a cell 6, 6, 6, 6, 6, 6, 3000 priors'):
        assert layout in str(caught.value)
