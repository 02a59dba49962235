"""The SSDs against numbers of the published modules, executed once."""
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData

from mmxkd.registry import MODELS
from tests.helpers.ssd_net_golden import (
    background_first,
    flat,
    load_mb2,
    load_vgg,
    pictures,
)

pytestmark = pytest.mark.usefixtures('mmdet_scope')

SIDES = (19, 10, 5, 3, 2, 1)
LOADERS = dict(vgg=('vgg16_ssd', load_vgg), mb2=('mb2_ssdlite', load_mb2))


@pytest.fixture(scope='module')
def golden(shared_data):
    with np.load(shared_data / 'ssd_golden/ssd_net.npz') as file:
        return dict(file)


@pytest.fixture(scope='module')
def models(repo):
    """Configs of the two detectors."""
    return Config.fromfile(repo / 'configs/_base_/models/ssd3000.py')


def relative(found, expected) -> float:
    """The largest difference, over the largest expected value."""
    found = found.detach().double().numpy()
    return np.abs(found - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize('name, parameters', [('vgg', 26_826_884 - 98_496),
                                              ('mb2', 3_487_044 - 98_816)])
def test_golden_nets_in_eval_mode(golden, models, name, parameters):
    """All 3000 predictions by their sums, and 80 priors one by one."""
    config, load = LOADERS[name]
    model = MODELS.build(models[config])
    # The published ones have an adaptation that nobody uses.
    assert sum(p.numel() for p in model.parameters()) == parameters
    load(model, golden[f'{name}_conv_names'])
    model.eval()
    with torch.no_grad():
        scores, deltas = model.bbox_head(
            model.extract_feat(pictures((1, 3, 300, 300), 0).float()))
    assert [tuple(level.shape[2:]) for level in scores] == [(side, side)
                                                            for side in SIDES]
    for kind, levels, channels in (('loc', deltas, 4), ('conf', scores, 21)):
        rows = flat(levels, channels)
        assert rows.shape == (1, 3000, channels)
        if kind == 'conf':
            rows = background_first(rows)
        expected = golden[f'{name}_eval_{kind}_rows']
        assert relative(rows[:, golden['rows']], expected) < 1e-5
        sums = golden[f'{name}_eval_{kind}_level_sum_abs']
        for level, (total, size) in zip(levels, sums, strict=True):
            assert abs(level.double().sum() - total) < 1e-5 * size
            assert level.double().abs().sum() == pytest.approx(size, rel=1e-5)


@pytest.mark.parametrize('name, layer',
                         [('vgg', 'backbone.features.22'),
                          ('mb2', 'backbone.layer4.0.expand_conv')])
def test_golden_hints(golden, models, name, layer):
    """What an early version compared: conv4_3, and block 7 of the student,
    which an adaptation brings to 512 channels. Both are hook points.
    """
    config, load = LOADERS[name]
    model = MODELS.build(models[config])
    load(model, golden[f'{name}_conv_names'])
    model.eval()
    seen = []
    model.get_submodule(layer).register_forward_hook(
        lambda module, inputs, output: seen.append(output.clone()))
    with torch.no_grad():
        model.backbone(pictures((1, 3, 300, 300), 0).float())
    (found, ) = seen
    if name == 'mb2':
        from tests.helpers.ssd_net_golden import conv_bias, conv_weight
        found = torch.nn.functional.conv2d(found,
                                           conv_weight((512, 192, 1, 1), 87),
                                           conv_bias(512, 87))
    total, size = golden[f'{name}_eval_aux_sum_abs']
    assert tuple(found.shape) == tuple(golden[f'{name}_eval_aux_shape'])
    assert abs(found.double().sum() - total) < 1e-5 * size
    assert found.double().abs().sum() == pytest.approx(size, rel=1e-5)


def test_golden_priors(models):
    """Spec section 1: clamped, in this order."""
    generator = MODELS.build(models.mb2_ssdlite).bbox_head.prior_generator
    boxes = torch.cat(
        generator.grid_priors([(side, side) for side in SIDES],
                              device='cpu')).double() / 300
    priors = torch.cat(
        [(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1)
    assert priors.sum().item() == pytest.approx(4802.778016, abs=2e-4)
    assert priors.sum(0).tolist() == pytest.approx(
        [1538.640005, 1538.640005, 862.749003, 862.749003], abs=1e-4)
    assert priors[0].tolist() == pytest.approx([8 / 300] * 2 + [.2] * 2)
    assert priors[1, 2:].tolist() == pytest.approx([.2645751] * 2)
    assert priors[2, 2:].tolist() == pytest.approx([.2828427, .1414214])
    wide, half, third = 1.0, .6717514, .5484828
    assert priors[-6:].tolist() == [
        pytest.approx([.5, .5, *size], abs=1e-6)
        for size in ((.95, .95), (wide, wide), (wide, half), (half, wide),
                     (wide, third), (third, wide))
    ]
    # 9.5 cells of 32 pixels are more than 300.
    assert priors[2166 + 6 * 99, :2].tolist() == [1, 1]


class TestDetections:

    @pytest.fixture(scope='class')
    def detect(self, shared_data):
        with np.load(shared_data / 'ssd_golden/ssd_detect.npz') as file:
            return dict(file)

    def predict(self, models, detect, **cfg):
        head = MODELS.build(
            dict(models.mb2_ssdlite.bbox_head,
                 test_cfg=dict(models.mb2_ssdlite.test_cfg, **cfg)))
        logits = torch.from_numpy(detect['logits_f16']).float().roll(-1, -1)
        deltas = torch.from_numpy(detect['loc_f16']).float()
        levels, start = [], 0
        for side in SIDES:
            stop = start + 6 * side * side
            levels.append([
                rows[:, start:stop].reshape(2, side, side,
                                            -1).permute(0, 3, 1, 2)
                for rows in (logits, deltas)
            ])
            start = stop
        scores, boxes = zip(*levels, strict=True)
        metas = [dict(img_shape=(300, 300), scale_factor=(2.0, .5))] * 2
        return head, head.predict_by_feat(list(scores), list(boxes),
                                          batch_img_metas=metas, rescale=True)

    def test_golden_detections(self, models, detect):
        """99.9 % of the rows, in pixels of a file of 150x600."""
        _, found = self.predict(models, detect)
        rows = []
        for image, one in enumerate(found):
            boxes = one.bboxes / torch.tensor([150., 600., 150., 600.])
            for label in range(20):
                own = one.labels == label
                rows.append(
                    torch.column_stack([
                        torch.full((int(own.sum()), 1), float(image)),
                        torch.full((int(own.sum()), 1), label + 1.),
                        one.scores[own], boxes[own]
                    ]).numpy())
        kept = detect['candidates_img_cls_n_kept']
        assert [len(row) for row in rows] == kept[:, 3].tolist()
        found = np.concatenate(rows)
        expected = detect['detections_img_cls_score_xyxy']
        # Of nearly equal scores, either may come first.
        order = [
            np.lexsort(
                (table[:,
                       3].round(3), -table[:, 2].round(4), table[:,
                                                                 1], table[:,
                                                                           0]))
            for table in (found, expected)
        ]
        equal = np.isclose(found[order[0]], expected[order[1]],
                           atol=1e-5).all(1)
        assert len(expected) == 2885 and equal.mean() >= .999

    def test_best_come_first_and_can_be_limited(self, models, detect):
        _, found = self.predict(models, detect)
        _, few = self.predict(models, detect, max_per_img=7)
        for all_, best in zip(found, few, strict=True):
            assert (all_.scores.diff() <= 0).all()
            torch.testing.assert_close(best.bboxes, all_.bboxes[:7])

    def test_golden_boxes(self, models, detect):
        head, _ = self.predict(models, detect)
        priors = torch.cat(
            head.prior_generator.grid_priors([(s, s) for s in SIDES],
                                             device='cpu'))
        boxes = head.bbox_coder.decode(
            priors,
            torch.from_numpy(detect['loc_f16'][0]).float())
        np.testing.assert_allclose(boxes[::25] / 300,
                                   detect['decoded_img0_every_25th'],
                                   atol=1e-6)


def test_golden_training_steps(golden, models, repo):
    """Two steps: terms of the loss, gradients, statistics of batch norm."""
    cfg = Config.fromfile(repo / 'configs/ssd_kd/mb2-ssdlite_kd_voc.py').model
    plain = dict(type='DetDataPreprocessor', pad_size_divisor=1)
    cfg.student.data_preprocessor = plain
    cfg.teachers.vgg = dict(
        cfg=dict(models.vgg16_ssd, data_preprocessor=plain), random=True)
    model = MODELS.build(cfg)
    model.init_weights()
    load_mb2(model.student, golden['mb2_conv_names'])
    load_vgg(model.teachers['vgg'].model, golden['vgg_conv_names'])
    model.train()
    targets = watch_targets(model.student.bbox_head)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=.9,
                                weight_decay=5e-4)
    # Once: the teacher never changes, and costs the most.
    batch = the_batch(golden)
    for step, tolerance in ((0, 1e-5), (1, 2e-3)):
        data = model.data_preprocessor(batch, True)
        losses = model(**data, mode='loss')
        total = sum(
            sum(v) if isinstance(v, list) else v for k, v in losses.items()
            if 'loss' in k)
        (ce, soft, smooth, mse_s, mse_t, bound, hint, l_total,
         plain_ssd) = golden[f'step{step}_terms']
        positives = len(golden['match_pos_index_label'])
        terms = {
            'loss_cls': .5 * ce / positives,
            'loss_bbox': smooth / positives,
            'distill/chen_soft': soft / positives,
            'distill/chen_bound': bound / positives,
            'distill/chen_hint': hint,
        }
        for name, expected in terms.items():
            value = losses[name]
            value = sum(value) if isinstance(value, list) else value
            if name == 'distill/chen_bound' and step == 1:
                # The bound of this step is nearly reached: 1.6314 against
                # 1.6306. In float32 the published code decides otherwise.
                assert abs(mse_s - mse_t) < 1e-3 * mse_t
                assert value.item() in (0, pytest.approx(expected, rel=2e-3))
                continue
            assert value.item() == pytest.approx(expected, rel=tolerance), name
        assert total.item() == pytest.approx(l_total, rel=tolerance,
                                             abs=2e-2 if step else 0)
        assert (2 * sum(losses['loss_cls'])
                + sum(losses['loss_bbox'])).item() == pytest.approx(
                    plain_ssd, rel=tolerance)
        optimizer.zero_grad()
        total.backward()
        if step == 0:
            compare_targets(targets, golden['match_pos_index_label'])
            compare_gradients(model.student, golden)
        optimizer.step()
    norms = batch_norms(model.student, golden['mb2_conv_names'])
    for kind, values in (('mean', [n.running_mean for n in norms]),
                         ('var', [n.running_var for n in norms])):
        found = np.array([v.double().sum() for v in values])
        expected = golden[f'step_bn_{kind}_sum']
        assert len(found) == 74
        assert np.abs(found - expected).max() < 5e-3 * np.abs(expected).max()


def the_batch(golden) -> dict:
    from mmdet.structures import DetDataSample
    images = pictures((4, 3, 300, 300), 1).float()
    samples = []
    for number in range(4):
        rows = golden['gt_img_xyxy_cls']
        rows = torch.from_numpy(rows[rows[:, 0] == number])
        sample = DetDataSample(metainfo=dict(img_id=number, img_shape=(
            300, 300), ori_shape=(300, 300), scale_factor=(1.0, 1.0)))
        sample.gt_instances = InstanceData(bboxes=rows[:, 1:5].float() * 300,
                                           labels=rows[:, 5].long())
        samples.append(sample)
    return dict(inputs=list(images), data_samples=samples)


def watch_targets(head) -> list:
    seen, stock = [], head.get_targets

    def get_targets(*args, **kwargs):
        seen.append(stock(*args, **kwargs))
        return seen[-1]

    head.get_targets = get_targets
    return seen


def compare_targets(seen, expected) -> None:
    labels = torch.cat(list(seen[0][0]), 1)
    found = [(i, p, labels[i, p].item() + 1)
             for i, p in (labels < 20).nonzero().tolist()]
    assert found == [tuple(row) for row in expected.tolist()]


def our_name(name: str) -> str:
    """Of a published parameter; ``.bn.`` is the batch norm of its conv."""
    from mmxkd.engine.published.mb2_ssd_lite import rule
    stem, _, kind = name.rpartition('.')
    if stem.endswith('.bn'):
        stem, _, number = stem.removesuffix('.bn').rpartition('.')
        return rule(f'{stem}.{int(number) + 1}.{kind}')
    return rule(name)


def compare_gradients(student, golden) -> None:
    parameters = dict(student.named_parameters())
    norms = {}
    for name, expected in zip(golden['param_names'], golden['step0_grad_norm'],
                              strict=True):
        new = our_name(str(name))
        if new is not None:
            norms[new] = (parameters[new].grad.double().norm().item(),
                          expected)
    assert set(norms) == set(parameters)
    found, expected = np.array(list(norms.values())).T
    assert np.abs(found - expected).max() < 5e-3 * expected.max()
    # Each by itself too; where a batch norm follows, some are only noise.
    np.testing.assert_allclose(found, expected, rtol=2e-2,
                               atol=1e-5 * expected.max())


def batch_norms(student, names) -> list:
    from mmxkd.engine.published.mb2_ssd_lite import rule
    found = []
    for name in map(str, names):
        new = rule(f'{name}.weight')
        if new and new.endswith('.conv.weight'):
            module = student.get_submodule(new.removesuffix('.conv.weight'))
            if getattr(module, 'norm_name', None):
                found.append(module.norm)
    return found
