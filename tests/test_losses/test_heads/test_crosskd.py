"""CrossKD (Wang et al., CVPR 2024) on dense heads of mmdet."""
import pytest
import torch
import torch.nn.functional as F
from mmdet.structures.bbox import bbox_overlaps

from mmxkd.errors import ConfigError
from mmxkd.losses import CrossKDLoss
from tests.helpers.detectors import Calls, narrow
from tests.helpers.tiny_heads import batch, dense, distilled, ssd, weights_of
from tests.helpers.toys import step

HEADS = ('retinanet', 'gfl', 'atss', 'fcos')


def cross(**options):
    return dict(type='CrossKDLoss', student='bbox_head', teacher='bbox_head',
                **options)


def built(name, teacher=None, dtype='fp32', **options):
    return distilled(dense(name), teacher or dense(name), dtype=dtype,
                     loss_cross=cross(**options))


def run(model, data=None):
    """One step; the arguments and the losses."""
    module = model.distiller.losses['loss_cross'].module
    seen, stock = [], module.forward
    module.forward = lambda **kwargs: seen.append(kwargs) or stock(**kwargs)
    losses = step(model, data or batch())
    module.forward = stock
    return seen[0], losses


def rows(levels, channels):
    return torch.cat(
        [v.permute(0, 2, 3, 1).reshape(len(v), -1, channels) for v in levels],
        1)


def predict(head, name, x, reg, level):
    """The end of the teacher's head, written out."""
    for layer in head.cls_convs[3:]:
        x = layer(x)
    for layer in head.reg_convs[3:]:
        reg = layer(reg)
    if name == 'retinanet':
        return head.retina_cls(x), head.retina_reg(reg)
    if name == 'gfl':
        return head.gfl_cls(x), head.scales[level](head.gfl_reg(reg))
    if name == 'atss':
        return head.atss_cls(x), head.scales[level](head.atss_reg(reg))
    return head.conv_cls(x), head.scales[level](head.conv_reg(reg)).exp()


def slow(model, name, given, data):
    """Written by hand, from the tower's features and the pictures."""
    teacher = model.teachers['t'].model
    head = teacher.bbox_head
    view = model.data_preprocessor(data, True)['views']['t']
    with torch.no_grad():
        true_cls, true_reg = head(
            teacher.neck(teacher.backbone(view['inputs'])))[:2]
    crossed = [
        predict(head, name, x, reg, i) for i, (
            x,
            reg) in enumerate(zip(given['s_cls'], given['s_reg'], strict=True))
    ]
    s = rows([c for c, _ in crossed], 3)
    p = rows(true_cls, 3).sigmoid()
    weight = p.max(-1).values
    norm = max(weight.sum().item(), 1)
    q = s.sigmoid()
    bce = -(p * F.logsigmoid(s) + (1 - p) * F.logsigmoid(-s))
    cls = ((q - p).abs() * bce).sum() / norm
    size = 4 * (head.reg_max + 1) if name == 'gfl' else 4
    own, other = rows([r for _, r in crossed], size), rows(true_reg, size)
    if name == 'gfl':
        own, other = (v.reshape(-1, head.reg_max + 1) for v in (own, other))
        distance = F.kl_div(own.log_softmax(-1), other.softmax(-1),
                            reduction='none').sum(-1).reshape(-1, 4).mean(-1)
    else:
        priors = torch.cat(
            head.prior_generator.grid_priors([v.shape[-2:] for v in true_cls],
                                             device='cpu'))
        boxes = [
            torch.cat([head.bbox_coder.decode(priors, image) for image in v])
            for v in (own, other)
        ]
        distance = 1 - bbox_overlaps(*boxes, mode='giou', is_aligned=True)
    return cls.item(), ((distance * weight.flatten()).sum() / norm).item()


@pytest.mark.parametrize('name', HEADS)
def test_against_a_version_by_hand(name):
    model = built(name)
    data = batch()
    given, losses = run(model, data)
    with torch.no_grad():
        cls, reg = slow(model, name, given, data)
    assert cls > 0 and reg > 0
    assert losses['distill/cross_cls'].item() == pytest.approx(cls, rel=1e-4)
    assert losses['distill/cross_reg'].item() == pytest.approx(reg, rel=1e-4)
    assert losses['distill/loss_cross'].item() == pytest.approx(
        cls + reg, rel=1e-4)


def test_a_teacher_that_sees_nothing():
    """Its confidence sums up to less than one prior."""
    model = built('retinanet')
    torch.nn.init.constant_(
        model.teachers['t'].model.bbox_head.retina_cls.bias, -9.0)
    data = batch()
    given, losses = run(model, data)
    assert rows(given['t_prediction'][0], 3).sigmoid().amax(-1).sum() < 1
    with torch.no_grad():
        cls, reg = slow(model, 'retinanet', given, data)
    assert losses['distill/loss_cross'].item() == pytest.approx(
        cls + reg, rel=1e-3)


@pytest.mark.parametrize('name', HEADS)
def test_two_steps(name):
    model = built(name)
    teacher = model.teachers['t']
    before = weights_of(teacher)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    for without in ((), (0, 1)):
        optimizer.zero_grad()
        losses = step(model, batch(without=without))
        total = model.parse_losses(losses)[0]
        assert total.isfinite() and losses['distill/loss_cross'] > 0
        total.backward()
        optimizer.step()
    for key, value in teacher.model.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert all(p.grad is None for p in teacher.model.parameters())
    assert not any(m.training for m in teacher.model.modules())


def test_gradient_goes_through_the_teacher_up_to_the_crossing():
    model = built('retinanet')
    step(model, batch())['distill/loss_cross'].backward()
    head = model.student.bbox_head

    def learns(module):
        grads = [p.grad for p in module.parameters()]
        return any(g is not None and g.abs().max() > 0 for g in grads)

    assert learns(model.student.backbone) and learns(model.student.neck)
    for tower in (head.cls_convs, head.reg_convs):
        assert all(learns(conv) for conv in tower[:3])
        # The rest of the student's head is left to the ground truth.
        assert not learns(tower[3])
    assert not learns(head.retina_cls) and not learns(head.retina_reg)


def test_statistics_of_the_teachers_norms_stay():
    cfg = dense('retinanet', norm_cfg=dict(type='BN'))
    model = distilled(dense('retinanet'), cfg, loss_cross=cross())
    before = weights_of(model.teachers['t'])
    step(model, batch())
    after = weights_of(model.teachers['t'])
    assert any('cls_convs.3.bn.running_mean' in key for key in before)
    assert all(torch.equal(after[key], before[key]) for key in before)


@pytest.mark.parametrize('name', HEADS)
def test_features_of_the_teacher_give_zero(name):
    model = built(name)
    given, _ = run(model)
    teacher = model.teachers['t']
    head = teacher.model.bbox_head
    features = dict(cls_convs=[], reg_convs=[])
    for tower, found in features.items():
        getattr(head, tower)[2].register_forward_hook(
            lambda module, args, output, found=found: found.append(output))
    view = model.data_preprocessor(batch(), True)['views']['t']
    with torch.no_grad():
        prediction = head(
            teacher.model.neck(teacher.model.backbone(view['inputs'])))
    s_cls, s_reg = (list(v) for v in features.values())
    loss = model.distiller.losses['loss_cross'].module
    assert loss(s_cls, s_reg, prediction,
                teacher).item() == pytest.approx(0, abs=1e-5)


def test_layers_before_the_crossing_are_not_run_again():
    model = built('gfl')
    tower = model.teachers['t'].model.bbox_head.cls_convs
    early = Calls([layer.conv for layer in tower[:3]])
    late = Calls([tower[3].conv])
    step(model, batch())
    assert (early.count, late.count) == (3 * 5, 5 + 5)


@pytest.mark.parametrize('position', [1, 2, 4])
def test_positions(position):
    model = built('retinanet', position=position)
    losses = step(model, batch())
    losses['distill/loss_cross'].backward()
    head = model.student.bbox_head
    assert [conv.conv.weight.grad is not None
            for conv in head.cls_convs] == [i < position for i in range(4)]


def test_weights_of_the_terms():
    _, both = run(built('gfl', cls_weight=2.0, reg_weight=0.5))
    assert both['distill/loss_cross'].item() == pytest.approx(
        2 * both['distill/cross_cls'].item()
        + 0.5 * both['distill/cross_reg'].item(), rel=1e-5)


def test_beta_is_the_power_of_the_error():
    loss = CrossKDLoss(beta=2.0)
    logits, truth = torch.tensor([0.0, 2.0]), torch.tensor([0.8, 0.1])
    q = logits.sigmoid()
    expected = (q - truth)**2 * -(truth * q.log() + (1 - truth) *
                                  (1 - q).log())
    torch.testing.assert_close(loss._quality_focal(logits, truth), expected)


def test_towers_of_other_widths_are_joined():
    model = built('gfl', dense('gfl', channels=32))
    joints = model.distiller.losses['loss_cross'].module.connectors
    assert {name: tuple(conv.weight.shape)
            for name, conv in joints.items()} == dict(cls_convs=(32, 16, 1, 1),
                                                      reg_convs=(32, 16, 1, 1))
    named = [n for n, _ in model.named_parameters() if 'connectors' in n]
    assert len(named) == 4 and all('distiller.' in n for n in named)
    model.parse_losses(step(model, batch()))[0].backward()
    assert all(p.grad.abs().max() > 0 for p in joints.parameters())


def test_joints_stay_in_the_graph_while_the_loss_is_off():
    model = distilled(dense('gfl'), dense('gfl', channels=32),
                      loss_cross=cross(loss_weight=0.0))
    model.parse_losses(step(model, batch()))[0].backward()
    joints = model.distiller.losses['loss_cross'].module.connectors
    assert all((p.grad == 0).all() for p in joints.parameters())


def test_half_precision_teacher():
    model = built('gfl', dtype='bf16')
    _, losses = run(model)
    losses['distill/loss_cross'].backward()
    _, exact = run(built('gfl'))
    assert losses['distill/loss_cross'].item() == pytest.approx(
        exact['distill/loss_cross'].item(), rel=0.05)


@pytest.mark.parametrize('student, teacher, options, message', [
    (lambda: dense('gfl'), None, dict(position=5),
     'position=5: cls_convs of the student has 4'),
    (lambda: dense('gfl'), None, dict(position=0), 'position=0'),
    (lambda: dense('gfl'), None, dict(position='3'), "not supported between"),
    (lambda: dense('gfl'), lambda: dense('gfl', stacked_convs=2), {},
     'cls_convs of the teacher has 2'),
    (ssd, None, {}, 'SSDHead of the student has a softmax'),
    (lambda: dense('gfl'), lambda: dense('gfl', num_classes=4), {},
     'differ in cls_out_channels: 3 and 4'),
    (lambda: dense('retinanet'), lambda: dense('atss'), {},
     'priors a cell 9.*priors a cell 1'),
    (lambda: narrow('detr'), None, {}, 'DETRHead of the student has no '),
])
def test_heads_that_do_not_suit(student, teacher, options, message):
    with pytest.raises(ConfigError, match=f'(?s)loss_cross.*{message}'):
        distilled(student(), (teacher or student)(),
                  loss_cross=cross(**options))


def test_one_teacher_only():
    from mmxkd.registry import MODELS
    cfg = dense('gfl')
    with pytest.raises(ConfigError, match="takes 'student' and 'teacher'"):
        MODELS.build(
            dict(
                type='mmxkd.CrossModalDistill', student=cfg,
                teachers={n: dict(cfg=cfg, random=True) for n in 'ab'},
                distiller=dict(losses=dict(
                    loss_cross=dict(type='CrossKDLoss', student='bbox_head',
                                    teacher=['a:bbox_head', 'b:bbox_head'])))))
