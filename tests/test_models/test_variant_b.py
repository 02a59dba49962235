"""Faster R-CNN with the published anchors of fine-grained imitation."""
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from mmxkd.losses import imitation_mask
from mmxkd.models import ListedAnchorGenerator, PlainVGG
from mmxkd.registry import MODELS

#: Of the picture that is trained on.
SIZE = (192, 256)


def small(repo, name):
    """The config with heads of a hundredth of the parameters."""
    init_default_scope('mmdet')
    cfg = Config.fromfile(repo / f'configs/fine_grained/{name}.py')
    for model in (cfg.model.get('student', cfg.model), ):
        model.rpn_head.feat_channels = 16
        model.roi_head.bbox_head.fc_out_channels = 32
    return cfg


def sample():
    found = DetDataSample(
        metainfo=dict(img_id=0, img_path='a', img_shape=SIZE, ori_shape=(
            592,
            800), scale_factor=(1.,
                                1.), batch_input_shape=(592,
                                                        800), pad_shape=(592,
                                                                         800)))
    found.gt_instances = InstanceData(
        bboxes=torch.tensor([[20., 10., 99., 79.]]), labels=torch.tensor([3]))
    return found


def test_anchors_mask_and_loss(repo):
    """Spec 1.4: 180 cells of 37x50 for this box; then one training step."""
    cfg = small(repo, 'faster-rcnn_vgg11_imitation_voc')
    teacher = small(repo, 'faster-rcnn_vgg16_voc').model
    cfg.model.teachers.vgg16 = dict(cfg=teacher, random=True)
    cfg.model.distiller.losses.loss_imitation.loss_weight = .01
    model = MODELS.build(cfg.model).train()
    model.init_weights()
    boxes = model.rpn_head.prior_generator.grid_priors([(37, 50)],
                                                       device='cpu')[0]
    assert boxes.shape == (37 * 50 * 9, 4)
    # Row 1, column 2, the last anchor.
    assert boxes[(50 + 2) * 9
                 + 8].tolist() == [-168 + 32, -344 + 16, 183 + 32, 359 + 16]
    box = torch.tensor([[100., 120., 299., 319.]])
    mask, = imitation_mask(
        [boxes], [box], [(37, 50)],
        plus_one=model.distiller.losses.loss_imitation.loss.plus_one)
    assert mask.sum() == 180
    picture = torch.randn(1, 3, *SIZE)
    batch = dict(inputs=[(40 * picture[0] + 128).clamp(0, 255).byte()],
                 data_samples=[sample()])
    losses = model(**model.data_preprocessor(batch, True), mode='loss')
    assert losses['distill/imitation_positions'] > 0
    assert losses['distill/loss_imitation'] > 0
    assert all(
        torch.as_tensor(value).isfinite().all() for values in losses.values()
        for value in (values if isinstance(values, list) else [values]))
    # The student's last map and the teacher's are of one size.
    assert model.backbone(picture)[0].shape == (1, 512, 12, 16)


def test_one_stage_more_and_nothing_of_ssd():
    net = PlainVGG(16, frozen_stages=2)
    convs = [m for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [c.out_channels
            for c in convs] == [64, 64, 128, 128, *[256] * 3, *[512] * 6]
    net.init_weights()
    # He's: N(0, 2 / outgoing connections).
    assert convs[-1].weight.std().item() == pytest.approx((2 / (512 * 9))**.5,
                                                          rel=.02)
    net.train()
    assert [c.weight.requires_grad for c in convs] == [False] * 4 + [True] * 9


@pytest.mark.parametrize('build, reason', [
    (lambda: PlainVGG(12), 'PlainVGG: depth=12, expected one of'),
    (lambda: ListedAnchorGenerator([16, 32], [[(0, 0, 1, 1)]]),
     '1 lists of base_anchors, expected one per level: 2'),
    (lambda: ListedAnchorGenerator([16], [[(0, 0, 0, 1)]]), 'x1 < x2'),
    (lambda: ListedAnchorGenerator([16], [[]]), 'expected boxes'),
])
def test_refused(build, reason):
    with pytest.raises(ValueError, match=reason):
        build()
