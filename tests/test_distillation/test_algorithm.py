"""The traps that other distillation frameworks fell into, one by one."""
import copy
import gc
import weakref

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.model import (
    ExponentialMovingAverage,
    convert_sync_batchnorm,
    revert_sync_batchnorm,
)
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.runner.checkpoint import get_state_dict
from torch import nn
from torch.utils.checkpoint import checkpoint

from mmxkd.errors import NonFiniteLossError
from mmxkd.recording import RecordError
from mmxkd.registry import MODELS
from tests.helpers.toys import Toy, batch, build, mse, step, toy


@pytest.fixture()
def hub(request):
    hub = MessageHub.get_instance(request.node.name)
    hub.update_info('iter', 0)
    hub.update_info('epoch', 0)
    yield hub
    MessageHub._instance_dict.pop(request.node.name)


def teacher_of(model):
    return model.teachers['t'].model


def test_train_and_eval_return_the_model():
    model = build()
    assert model.train() is model
    assert model.eval() is model
    assert model.train(False) is model


def test_the_teacher_stays_in_eval():
    model = build(teacher=dict(cfg=toy(dropout=0.5), random=True))
    model.train()
    assert not any(m.training for m in teacher_of(model).modules())
    step(model)
    assert not any(m.training for m in teacher_of(model).modules())
    assert model.student.training and model.student.backbone.bn.training


def test_two_steps_see_the_same_teacher():
    model = build(teacher=dict(cfg=toy(dropout=0.5), random=True))
    for parameter in model.student.parameters():
        parameter.requires_grad_(True)
    first = step(model)['distill/raw_neck']
    # The student's batch statistics do not enter its training forward.
    assert torch.equal(step(model)['distill/raw_neck'], first)


def test_the_loss_is_the_papers():
    model = build(loss_neck=mse(loss_weight=0.5))
    data = model.data_preprocessor(batch(), True)
    losses = model(**data, mode='loss')
    student = model.student.extract_feat(data['inputs'])
    with torch.no_grad():
        teacher = teacher_of(model).extract_feat(data['views']['t']['inputs'])
    expected = sum((s - t).square().mean()
                   for s, t in zip(student, teacher, strict=True)) / 2
    torch.testing.assert_close(losses['distill/raw_neck'], expected.detach())
    torch.testing.assert_close(losses['distill/loss_neck'], 0.5 * expected)
    total, log = model.parse_losses(losses)
    torch.testing.assert_close(total, sum(losses['loss_cls']) + 0.5 * expected)
    assert set(log) == {
        'loss', 'loss_cls', 'distill/loss_neck', 'distill/raw_neck'
    }


def test_levels_are_logged_when_asked_for():
    model = build(distiller=dict(losses=dict(
        loss_neck=mse()), log_levels=True))
    losses = step(model)
    levels = [losses[f'distill/raw_neck_{i}'] for i in range(2)]
    torch.testing.assert_close(sum(levels) / 2, losses['distill/raw_neck'])


def test_the_teacher_is_in_no_state_dict():
    model = build()
    plain = set(Toy().state_dict())
    for state in (model.state_dict(), get_state_dict(model)):
        assert set(state) == plain
    names = [name for name, _ in model.named_parameters()]
    assert all(name.startswith('student.') for name in names)
    mine = {id(p) for p in teacher_of(model).parameters()}
    assert not mine & {id(p) for p in model.parameters()}


def test_the_teacher_is_in_no_ema():
    model = build()
    ema = ExponentialMovingAverage(model, momentum=0.5)
    assert all('teacher' not in k for k in ema.state_dict())
    teacher = teacher_of(model)
    assert ema.module.teachers['t'].model is teacher
    assert ema.module.data_preprocessor._teachers['t'].model is teacher
    before = {k: v.clone() for k, v in teacher.state_dict().items()}
    ema.update_parameters(model)
    start = model.student.bbox_head.cls.weight.clone()
    with torch.no_grad():
        model.student.bbox_head.cls.weight += 1
    ema.update_parameters(model)
    torch.testing.assert_close(ema.module.student.bbox_head.cls.weight,
                               start + 0.5)
    assert all(
        torch.equal(v, before[k]) for k, v in teacher.state_dict().items())


def count(cls):
    gc.collect()
    return sum(type(o) is cls for o in gc.get_objects())


def test_a_copy_holds_no_second_teacher():
    model = build()
    before = count(Toy)
    twin = copy.deepcopy(model)
    # The student alone.
    assert count(Toy) == before + 1
    assert twin.teachers['t'] is model.teachers['t']


def test_a_copy_trains_by_itself():
    model = build()
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin.student.neck.lateral[0].bias += 1
    first, other = step(model), step(twin)
    assert first['distill/loss_neck'] != other['distill/loss_neck']
    torch.testing.assert_close(
        step(model)['distill/loss_neck'], first['distill/loss_neck'])
    other['distill/loss_neck'].backward()
    assert twin.student.neck.lateral[0].weight.grad is not None
    assert model.student.neck.lateral[0].weight.grad is None


def test_a_copy_of_the_student_does_not_record():
    model = build()
    ema = copy.deepcopy(model.student)
    data = model.data_preprocessor(batch(), True)

    def run_the_copy(module, args):
        if not module.training:
            return
        ema(data['inputs'], mode='tensor')

    model.student.register_forward_pre_hook(run_the_copy)
    wanted = step(build())['distill/loss_neck']
    torch.testing.assert_close(step(model)['distill/loss_neck'], wanted)


def test_the_teacher_is_in_no_optimizer():
    model = build(teacher=dict(cfg=toy(out_channels=9), random=True))
    optimizer = build_optim_wrapper(
        model,
        dict(optimizer=dict(type='SGD', lr=0.1, weight_decay=0.1),
             paramwise_cfg=dict(norm_decay_mult=0.)))
    held = {
        id(p) for g in optimizer.optimizer.param_groups for p in g['params']
    }
    assert not held & {id(p) for p in teacher_of(model).parameters()}
    assert held == {id(p) for p in model.parameters()}
    before = {k: v.clone() for k, v in teacher_of(model).state_dict().items()}
    model.train_step(batch(), optimizer)
    assert all(
        torch.equal(v, before[k])
        for k, v in teacher_of(model).state_dict().items())


def test_sync_bn_conversion_does_not_reach_the_teacher():
    model = build(loss_bn=mse('backbone.bn', 'backbone.bn'))
    wanted = step(model)['distill/loss_bn']
    converted = convert_sync_batchnorm(model)
    assert isinstance(converted.student.backbone.bn, nn.SyncBatchNorm)
    assert type(teacher_of(converted).backbone.bn) is nn.BatchNorm2d
    # mmengine puts new modules in place; the recorder follows them.
    reverted = revert_sync_batchnorm(converted)
    assert type(reverted.student.backbone.bn) is not nn.SyncBatchNorm
    torch.testing.assert_close(step(reverted)['distill/loss_bn'], wanted)


def test_in_place_activations_do_not_reach_the_record():
    plain = build(loss_bn=mse('backbone.bn', 'backbone.bn'))
    hasty = build(student=toy(inplace=True),
                  teacher=dict(cfg=toy(inplace=True), random=True),
                  loss_bn=mse('backbone.bn', 'backbone.bn'))
    torch.testing.assert_close(
        step(hasty)['distill/loss_bn'],
        step(plain)['distill/loss_bn'])
    blind = build(student=toy(inplace=True), dry_run=False,
                  loss_bn=mse('backbone.bn', 'backbone.bn'))
    with pytest.raises(
            RecordError, match='student:backbone.bn: a later '
            'layer has changed this value in place'):
        step(blind)


class Checkpointed(Toy):

    def __init__(self, use_reentrant=None):
        super().__init__()
        self.use_reentrant = use_reentrant

    def extract_feat(self, inputs):
        self.runs += 1
        if self.use_reentrant is None:
            return super().extract_feat(inputs)
        inputs = inputs.requires_grad_()
        return checkpoint(
            lambda x: tuple(f * 2 for f in self.neck(self.backbone(x))),
            inputs, use_reentrant=self.use_reentrant)


def test_a_record_inside_a_reentrant_checkpoint_is_an_error():
    student = dict(type=Checkpointed, use_reentrant=True)
    for run in (lambda: build(student=student),
                lambda: step(build(student=student, dry_run=False))):
        with pytest.raises(
                RecordError, match=r"'loss_neck': student:neck carries "
                r'no gradient \(tensors \[0, 1\] of it\).*reentrant '
                r'checkpoint \(with_cp=True\)'):
            run()


def test_checkpointing_without_reentrance_changes_no_gradient():

    class Doubled(Checkpointed):

        def extract_feat(self, inputs):
            self.runs += 1
            return tuple(f * 2 for f in self.neck(self.backbone(inputs)))

    gradients = []
    for student in (dict(type=Doubled),
                    dict(type=Checkpointed, use_reentrant=False)):
        model = build(student=student, dry_run=False)
        model.student.backbone.bn.eval()
        model.parse_losses(step(model))[0].backward()
        gradients.append([p.grad for p in model.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_frozen_stages_are_refused_when_the_model_is_built():

    class Frozen(Toy):

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.backbone.requires_grad_(False)

    with pytest.raises(RecordError, match='student:backbone.0. carries no '
                       'gradient'):
        build(student=dict(type=Frozen), loss_stem=mse('backbone[0]',
                                                       'backbone[0]'))
    # What comes after them learns.
    assert step(build(student=dict(type=Frozen)))['distill/loss_neck'] > 0


def test_a_frozen_layer_is_an_error():
    model = build(loss_stem=mse('backbone[0]', 'backbone[0]'))
    model.student.backbone.requires_grad_(False)
    with pytest.raises(RecordError, match='student:backbone.0. carries no '
                       'gradient'):
        step(model)
    # Also where only one of several levels is frozen.
    model = build(loss_stem=mse('backbone', 'backbone'))
    model.student.backbone.stem.requires_grad_(False)
    model.student.backbone.bn.requires_grad_(False)
    with pytest.raises(RecordError, match=r'tensors \[0\] of it'):
        step(model)


def test_losses_without_gradient_may_be_looked_at():
    model = build()
    with torch.no_grad():
        assert step(model)['distill/loss_neck'] > 0


def compiled(model):
    for net in (model.student, teacher_of(model)):
        for part in (net.backbone, net.neck, net.bbox_head):
            part.compile(backend='eager')
    return model


@pytest.mark.parametrize('address', ['neck', 'bbox_head.cls@*'])
def test_compiled_teacher_and_student_of_one_class(address):
    torch._dynamo.reset()
    cfg = dict(loss_neck=dict(mse(address, address)))
    wanted = step(build(**cfg))
    model = compiled(build(**cfg))
    found = []
    for _ in range(3):
        losses = step(model, batch())
        found.append(losses['distill/loss_neck'])
        losses['distill/loss_neck'].backward()
    for value in found:
        torch.testing.assert_close(value, wanted['distill/loss_neck'])
    assert all(not r.records for tape in model.distiller.tapes.values()
               for r in tape.recorders.values())
    torch._dynamo.reset()


def test_compiled_before_the_hooks_is_noticed_or_works():
    # torch.compile may skip hooks that were set after a class was compiled.
    torch._dynamo.reset()
    other = Toy()
    other.backbone.compile(backend='eager')
    other.neck.compile(backend='eager')
    other(torch.randn(2, 3, 16, 24))
    wanted = step(build())['distill/loss_neck']
    model = compiled(build())
    try:
        torch.testing.assert_close(step(model)['distill/loss_neck'], wanted)
    except RecordError as error:
        assert 'was not called' in str(error)
    torch._dynamo.reset()


def test_an_idle_teacher_is_not_run(hub):
    model = build(loss_neck=mse(
        loss_weight=dict(type='Constant', value=2., begin=1, end=3)))
    runs, listened = [], []
    for i in range(5):
        hub.update_info('iter', i)
        before = teacher_of(model).runs
        losses = step(model)
        runs.append(teacher_of(model).runs - before)
        listened.append('distill/raw_neck' in losses)
        if i in (0, 3, 4):
            assert losses['distill/loss_neck'] == 0
    assert runs == [0, 1, 1, 0, 0]
    assert listened == [False, True, True, False, False]


def test_of_two_teachers_the_one_that_is_needed_runs(hub):
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmxkd.CrossModalDistill', student=toy(),
            teachers=dict(a=dict(cfg=toy(), random=True),
                          b=dict(cfg=toy(), random=True)),
            distiller=dict(losses=dict(
                loss_a=mse(teacher='a:neck', loss_weight=dict(
                    type='Constant', value=1., end=1)), loss_b=mse(
                        teacher='b:neck', loss_weight=dict(
                            type='Constant', value=1., begin=1))))))
    model.init_weights()
    start = {n: t.model.runs for n, t in model.teachers.items()}
    for i, expected in enumerate(
        [dict(a=1, b=0), dict(a=1, b=1),
         dict(a=1, b=2)]):
        hub.update_info('iter', i)
        step(model)
        assert {n: t.model.runs - start[n]
                for n, t in model.teachers.items()} == expected


def test_mmrazors_stop_hook_stops_the_teacher():
    model = build()
    model.distillation_stopped = True
    before = teacher_of(model).runs
    assert step(model)['distill/loss_neck'] == 0
    assert teacher_of(model).runs == before


def test_an_idle_loss_keeps_its_parameters_in_the_graph():
    adapters = dict(
        student_recorders=dict(n=dict(type='ModuleOutputs', source='neck')),
        teacher_recorders=dict(n=dict(type='ModuleOutputs', source='neck')),
        connectors=dict(
            up=dict(type='AlignConnector', in_channels=6, out_channels=9)),
        distill_losses=dict(
            loss_v=dict(type='FeatureMSELoss', loss_weight=0.)),
        loss_forward_mappings=dict(loss_v=dict(
            s_feature=dict(from_student=True, recorder='n', data_idx=0,
                           connector='up'), t_feature=dict(
                               from_student=False, recorder='n', data_idx=0))))
    model = build(
        teacher=dict(cfg=toy(out_channels=9), random=True), distiller=dict(
            adapters, losses=dict(
                loss_a=mse(loss_weight=0.),
                loss_adv=dict(type='AdversarialFeatureLoss', in_channels=9,
                              num_levels=2, channels=2, hidden=2,
                              loss_weight=0., student='neck',
                              teacher='neck'))))
    model.parse_losses(step(model))[0].backward()
    ours = list(model.distiller.named_parameters())
    # Two connectors of two levels, one of the verbose form, two
    # discriminators of four layers; weight and bias each.
    assert len(ours) == 2 * (2 + 2 + 1 + 2 * 4)
    for name, parameter in ours:
        assert parameter.grad is not None, name
        assert (parameter.grad == 0).all(), name


def test_a_connector_that_no_loss_uses_is_refused():
    with pytest.raises(ValueError, match=r"connectors: no loss uses "
                       r"\['up'\]"):
        build(distiller=dict(
            losses=dict(loss_a=mse()), connectors=dict(up=dict(
                type='AlignConnector', in_channels=6, out_channels=9))))


def test_records_are_gone_after_the_step():
    model = build()
    alive = []
    model.student.neck.register_forward_hook(
        lambda m, a, out: alive.extend(weakref.ref(o) for o in out))
    losses = step(model)
    assert any(ref() is not None for ref in alive)
    total = model.parse_losses(losses)[0]
    total.backward()
    for tape in model.distiller.tapes.values():
        assert all(not r.records and not r._versions
                   for r in tape.recorders.values())
    del losses, total
    gc.collect()
    assert [ref() for ref in alive] == [None, None]


def test_records_are_gone_after_an_error():
    model = build()
    model.distiller.losses['loss_neck'].module.levels = (lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        step(model)
    assert all(not r.records for tape in model.distiller.tapes.values()
               for r in tape.recorders.values())
    assert not any(t.listening for t in model.distiller.tapes.values())


@MODELS.register_module()
class NotANumberLoss(nn.Module):

    value = float('nan')

    def forward(self, preds_S, preds_T):
        return (preds_S - preds_T).square().mean() * self.value


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_a_step_on_a_loss_that_is_not_finite_is_not_taken(hub, value):
    model = build(
        loss_odd=dict(type='NotANumberLoss', student='neck', teacher='neck'),
        loss_neck=mse())
    wrapper = OptimWrapper(
        torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9))
    module = model.distiller.losses['loss_odd'].module
    module.value = 1.0
    model.train_step(batch(), wrapper)
    weights = {
        k: v.clone() for k, v in model.state_dict().items()
        if 'num_batches' not in k and 'running' not in k
    }
    state = copy.deepcopy(wrapper.state_dict())
    module.value = value
    hub.update_info('iter', 41)
    with pytest.raises(NonFiniteLossError) as error:
        model.train_step(batch(), wrapper)
    message = str(error.value)
    assert 'iteration 41: distill/loss_odd = ' + str(value) in message
    assert 'Samples of this batch: frame_0, frame_1' in message
    assert 'loss_neck' not in message and 'loss_cls' not in message
    for key, wanted in weights.items():
        assert torch.equal(model.state_dict()[key], wanted), key
    after = wrapper.state_dict()
    assert after['param_groups'] == state['param_groups']
    for key, slots in state['state'].items():
        assert torch.equal(after['state'][key]['momentum_buffer'],
                           slots['momentum_buffer'])


def test_a_student_loss_that_is_not_finite_is_named_too():
    model = build()
    with torch.no_grad():
        model.student.bbox_head.cls.bias.fill_(float('inf'))
    with pytest.raises(NonFiniteLossError, match='loss_cls = inf'):
        step(model)


def test_a_log_value_that_is_nan_stops_nothing():

    class Chatty(Toy):

        def forward(self, *args, mode='tensor', **kwargs):
            out = super().forward(*args, mode=mode, **kwargs)
            if mode == 'loss':
                out['recall'] = torch.tensor(float('nan'))
            return out

    assert step(build(student=dict(type=Chatty)))['recall'].isnan()


def test_distillation_is_in_full_precision_under_autocast():
    seen, records = [], {}

    class DtypeLoss(nn.Module):

        def forward(self, preds_S, preds_T):
            seen.append((preds_S.dtype, preds_T.dtype))
            product = torch.einsum('nchw,ndhw->ncd', preds_S, preds_T)
            seen.append(product.dtype)
            return product.square().mean()

    for dtype in ('fp32', 'bf16', 'fp16'):
        model = build(
            teacher=dict(cfg=toy(out_channels=9), random=True, dtype=dtype),
            loss_a=dict(type=DtypeLoss, student='neck[0]', teacher='neck[0]'))
        records.clear()
        seen.clear()
        for name, net in (('s', model.student), ('t', teacher_of(model))):
            net.neck.register_forward_hook(
                lambda m, a, out, name=name: records.update(
                    {name: out[0].dtype}), prepend=True)
        with torch.autocast('cpu', torch.bfloat16):
            losses = step(model)
        # The student's layers run in bf16, the teacher's in its own dtype.
        assert records == dict(
            s=torch.bfloat16, t=dict(fp32=torch.float32, bf16=torch.bfloat16,
                                     fp16=torch.float16)[dtype])
        assert seen == [(torch.float32, torch.float32), torch.float32]
        assert losses['distill/loss_a'].dtype == torch.float32
        model.parse_losses(losses)[0].backward()
        gradient = model.student.neck.lateral[0].weight.grad
        assert gradient.dtype == torch.float32 and gradient.abs().max() > 0


def test_autocast_changes_the_loss_by_rounding_only():
    full = step(build())['distill/loss_neck']
    with torch.autocast('cpu', torch.bfloat16):
        half = step(build())['distill/loss_neck']
    assert half.item() == pytest.approx(full.item(), rel=0.02)
    assert half.item() != full.item()


def test_hooks_written_for_the_plain_student_find_its_parts():
    model = build()
    assert model.bbox_head is model.student.bbox_head
    assert model.backbone is model.student.backbone
    with pytest.raises(AttributeError, match='bbox_haed'):
        _ = model.bbox_haed
    assert not hasattr(model, 'with_mask')


def test_what_is_distilled_is_printed_when_it_begins(hub, monkeypatch):
    model = build(
        loss_a=mse(),
        loss_b=mse('neck[0]', 'neck[0]',
                   loss_weight=(dict(type='Constant', value=1., begin=2))))
    printed = []
    monkeypatch.setattr('mmxkd.distillation.distiller.print_log',
                        lambda text, **_: printed.append(text))
    for i in range(4):
        hub.update_info('iter', i)
        step(model)
    assert len(printed) == 2
    rows = [[cell.strip() for cell in line.split('|')[1:-1]]
            for line in printed[0].splitlines() if '×' in line]
    assert rows == [['loss_a', 'student:neck', '2×6×8×12', 'float32', 'True'],
                    ['loss_a', '', '2×6×4×6', 'float32', 'True'],
                    ['loss_a', 't:neck', '2×6×8×12', 'float32', 'False'],
                    ['loss_a', '', '2×6×4×6', 'float32', 'False']]
    assert 'loss_b' in printed[1] and 'loss_a' not in printed[1]


def test_gradient_accumulation():
    model = build()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1),
                           accumulative_counts=2)
    wrapper.initialize_count_status(model, 0, 4)
    before = model.student.neck.lateral[0].weight.clone()
    model.train_step(batch(), wrapper)
    assert torch.equal(model.student.neck.lateral[0].weight, before)
    model.train_step(batch(), wrapper)
    assert not torch.equal(model.student.neck.lateral[0].weight, before)


def test_nothing_optional_is_needed(run_python, repo):
    done = run_python(repo / 'tests/helpers/without_optional.py')
    assert 'loss ' in done.stdout.splitlines()[-1]
