"""ShuffleDet against numbers of the published program, run once."""
import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.structures import InstanceData

from mmxkd.engine.published.shuffledet_tf import target_name
from mmxkd.models.dense_heads.convdet_loss import aligned_iou
from mmxkd.registry import MODELS
from tests.helpers import closed_form
from tests.helpers.golden_shuffledet import (
    NETS,
    SIZE,
    build,
    detector_config,
    sample,
    to_centres,
    weights,
)

pytestmark = pytest.mark.usefixtures('mmdet_scope')

TERMS = ('loss_cls', 'loss_conf', 'loss_bbox', 'distill/loss_imitation',
         'loss_decay')


@pytest.fixture(scope='module')
def net(shared_data):
    return np.load(shared_data / 'shuffledet_golden/shuffledet_net.npz',
                   allow_pickle=False)


def nothing_in_it():
    return sample(np.zeros((0, 4)), np.zeros(0), scale=(1.25, .8))


@pytest.mark.parametrize('name', NETS)
def test_network(net, name):
    model = build(name, net['conv_names'], 0, .5).eval()
    inputs = torch.from_numpy(closed_form.image((1, 3, *SIZE), 0, 3))
    with torch.no_grad():
        (feature, ) = model.extract_feat(inputs)
        blocks = model.bbox_head((feature, ))
        found = model.predict(inputs, [nothing_in_it()])[0].pred_instances
    np.testing.assert_allclose(torch.cat([b[0] for b in blocks], 1),
                               net[f'{name}_preds'], atol=1e-4)
    np.testing.assert_allclose(feature[:, ::8],
                               net[f'{name}_feature_every_8th_channel'],
                               atol=1e-4)
    total = feature.double().sum().item()
    np.testing.assert_allclose(
        [total, feature.double().abs().sum().item()],
        net[f'{name}_feature_sum_abs'], rtol=1e-6)
    check_detections(found, net[f'{name}_out_xyxy'], net[f'{name}_out_score'],
                     net[f'{name}_out_class'], 2e-3, 1e-4)


def check_detections(found, boxes, scores, labels, pixels, precision):
    assert found.labels.tolist() == labels.tolist()
    np.testing.assert_allclose(found.bboxes, boxes, atol=pixels)
    np.testing.assert_allclose(found.scores, scores, atol=precision)


@pytest.mark.parametrize('name', NETS)
def test_all_boxes_and_scores(net, name):
    head = build(name, net['conv_names'], 0, .5).bbox_head
    preds = torch.from_numpy(net[f'{name}_preds'])
    check_all(head, preds, net[f'{name}_boxes_cxcywh'][0],
              net[f'{name}_score'][0], net[f'{name}_class'][0], 2e-3)


def blocks_of(preds):
    return [[block] for block in preds.split([27, 9, 36], 1)]


def check_all(head, preds, boxes, scores, labels, pixels):
    meta = dict(img_shape=SIZE, scale_factor=(1.25, .8))
    found = head.predict_by_feat(*blocks_of(preds), [meta],
                                 cfg=dict(nms_pre=540), with_nms=False)[0]
    order = np.argsort(-scores, kind='stable')
    np.testing.assert_allclose(found.scores, scores[order], atol=1e-5)
    # Nearly equal scores may change places.
    back = match(scores[order], found.scores.numpy(), boxes[order],
                 to_centres(found.bboxes))
    np.testing.assert_allclose(
        to_centres(found.bboxes)[back], boxes[order], atol=pixels)
    assert (found.labels.numpy()[back] == labels[order]).all()


def match(scores, others, boxes, other_boxes):
    """For each box the nearest of those with nearly the same score."""
    far = np.abs(boxes[:, None] - other_boxes).sum(2)
    far[np.abs(scores[:, None] - others) > 1e-5] = np.inf
    # Equal boxes may share one, but none is left over.
    assert far.min(0).max() < 4e-3
    return far.argmin(1)


def test_post_processing(net, shared_data):
    golden = np.load(shared_data / 'shuffledet_golden/shuffledet_post.npz',
                     allow_pickle=False)
    head = build('x05', net['conv_names'], 0, .5).bbox_head
    preds = torch.from_numpy(golden['preds_nhwc_f16'].astype(
        np.float32)).permute(0, 3, 1, 2)
    assert tuple(golden['hw']) == SIZE
    check_all(head, preds, golden['all_boxes_cxcywh'], golden['all_scores'],
              golden['all_class'], 1e-3)
    meta = dict(img_shape=SIZE, scale_factor=tuple(golden['scale_xy']))
    found = head.predict_by_feat(*blocks_of(preds), [meta], rescale=True)[0]
    check_detections(found, golden['out_xyxy'], golden['out_score'],
                     golden['out_class'], 1e-3, 1e-5)


@pytest.fixture(scope='module')
def train(shared_data):
    return np.load(shared_data / 'shuffledet_golden/shuffledet_train.npz',
                   allow_pickle=False)


def test_targets(net, train):
    """Assigned anchors, offsets and the IoU that the confidence learns."""
    head = build('x05', net['conv_names'], 100, .02).bbox_head
    priors = head.prior_generator.grid_priors([(6, 10)], device='cpu')[0]
    deltas = torch.from_numpy(train['preds'][:, 36:]).permute(0, 2, 3,
                                                              1).reshape(
                                                                  2, -1, 4)
    rows = train['gt_img_cxcywh_cls']
    found = []
    for i in (0, 1):
        own = rows[rows[:, 0] == i]
        objects = sample(own[:, 1:5], own[:, 5]).gt_instances
        assigned = head.assigner.assign(InstanceData(priors=priors), objects)
        # The golden rows go by image and anchor.
        chosen = assigned.gt_inds.nonzero()[:, 0]
        index = assigned.gt_inds[chosen] - 1
        assert sorted(index.tolist()) == list(range(len(own)))
        assert torch.equal(assigned.labels[chosen], objects.labels[index])
        boxes = objects.bboxes.tensor[index]
        decoded = head.bbox_coder.decode(priors[chosen], deltas[i, chosen],
                                         SIZE)
        found.append(
            (torch.stack([torch.full_like(chosen, i), chosen],
                         1), head.bbox_coder.encode(priors[chosen], boxes),
             aligned_iou(decoded, boxes)))
    priors, deltas, ious = (torch.cat(parts)
                            for parts in zip(*found, strict=True))
    assert priors.tolist() == train['assigned_img_prior'].tolist()
    np.testing.assert_allclose(deltas, train['delta'], atol=1e-5)
    np.testing.assert_allclose(ious, train['iou_targets'], atol=1e-5)


def distilled(train, net, folder):
    """The student with its teacher and adapter, in training."""
    names = net['conv_names']
    k_student, k_teacher = train['k_student'].item(), train['k_teacher'].item()
    teacher = folder / 'teacher.pth'
    torch.save(weights('x1', names, k_teacher, .02), teacher)
    model = MODELS.build(
        dict(
            type='mmxkd.CrossModalDistill', student=detector_config('x05'),
            teachers=dict(
                x1=dict(cfg=detector_config('x1'), checkpoint=str(teacher))),
            distiller=dict(losses=dict(loss_imitation=dict(
                type='FineGrainedImitationLoss', loss_weight=1.0,
                student='backbone[0]', teacher='x1:backbone[0]',
                connector=dict(type='ConvConnector', kernel_sizes=[3],
                               last_activation=True, init_std=1e-4))))))
    model.init_weights()
    model.student.load_state_dict(weights('x05', names, k_student, .02),
                                  strict=False)
    adapter = model.distiller.losses['loss_imitation'].connector[0][0]
    k = k_student + 51
    with torch.no_grad():
        adapter.weight.copy_(
            torch.from_numpy(closed_form.conv_weight((768, 384, 3, 3), k, 1)))
        adapter.bias.copy_(torch.from_numpy(closed_form.conv_bias(768, k,
                                                                  .05)))
    return model.train()


def batch(train):
    inputs = closed_form.image((2, 3, *SIZE), train['input_k'].item(), 3)
    rows = train['gt_img_cxcywh_cls']
    samples = [
        sample(own[:, 1:5], own[:, 5])
        for own in (rows[rows[:, 0] == 0], rows[rows[:, 0] == 1])
    ]
    return torch.from_numpy(inputs), samples


OPTIMIZER = dict(
    type='mmxkd.PerTensorClipOptimWrapper',
    optimizer=dict(type='SGD', lr=.02, momentum=.9, weight_decay=5e-4),
    paramwise_cfg=dict(bias_decay_mult=0,
                       custom_keys=dict(backbone=dict(decay_mult=0))))
_ADAPTER = 'distiller.losses.loss_imitation.connector.0.0.'
ADAPTER = {
    'adaptation/conv/kernels': _ADAPTER + 'weight',
    'adaptation/conv/biases': _ADAPTER + 'bias'
}


def test_two_training_steps(net, train, tmp_path):
    """Each gradient is clipped by itself, decay included."""
    model = distilled(train, net, tmp_path)
    wrapper = build_optim_wrapper(model, OPTIMIZER)
    own = dict(model.named_parameters())
    named = [
        own[ADAPTER.get(name) or f'student.{target_name(name)}']
        for name in train['param_names'].tolist()
    ]
    assert len(named) == len(own) == 151
    for step, (precision, of_boxes) in enumerate([(1e-5, 1e-5), (3e-3, 2e-2)]):
        inputs, samples = batch(train)
        view = dict(inputs=inputs, data_samples=samples)
        losses = model(**view, mode='loss', views=dict(x1=view))
        total, _ = model.parse_losses(losses)
        total.backward()
        if step == 0:
            norms = np.array([p.grad.double().norm() for p in named])
            golden = train['grad_norm_step0']
            # Exactly 0 in theory, as of a bias before a batch norm.
            zero = golden < 1e-4
            assert zero.sum() < 20 and norms[zero].max() < 1e-2
            apart = np.abs(norms / golden - 1)[~zero]
            assert np.median(apart) < 5e-3 and apart.max() < .05
        wrapper.step()
        wrapper.zero_grad()
        found = {name: losses[name].item() for name in TERMS[:4]}
        found['loss_decay'] = wrapper.message_hub.get_scalar(
            'train/loss_decay').current()
        for name, golden in zip(TERMS, train[f'terms_step{step}'][:5],
                                strict=True):
            rel = of_boxes if name == 'loss_bbox' else precision
            assert found[name] == pytest.approx(golden, rel=rel), (step, name)
        assert total.item() + found['loss_decay'] == pytest.approx(
            train[f'terms_step{step}'][5], rel=precision)
    np.testing.assert_allclose(
        [p.detach().double().abs().sum() for p in named],
        train['weight_abs_sum'], rtol=5e-3)
    check_statistics(model.student.backbone, train)


def check_statistics(backbone, train):
    """Ours count n - 1 samples in a variance, TensorFlow counts n."""
    # Two forward passes, of 2 images each.
    for name, mean, var in zip(train['bn_names'].tolist(),
                               train['bn_mean_sum_tf'], train['bn_var_sum_tf'],
                               strict=True):
        norm = backbone.get_submodule(
            name.replace('/block', '.').replace('/', '.')).bn
        assert norm.num_batches_tracked == 2
        scale = norm.running_mean.abs().double().sum().item()
        assert norm.running_mean.double().sum().item() == pytest.approx(
            mean, abs=2e-3 * scale)
        assert norm.running_var.double().sum().item() == pytest.approx(
            var, rel=1e-2)
