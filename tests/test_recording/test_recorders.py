import copy
import gc
import weakref

import pytest
import torch
from mmcv.cnn import ConvModule
from mmengine.model import revert_sync_batchnorm
from torch import nn
from torch.utils.checkpoint import checkpoint

from mmxkd.errors import ConfigError
from mmxkd.recording import RecordError, Tape
from mmxkd.recording.hook_points import parse
from mmxkd.recording.recorders import map_tensors, tensors_in


class Net(nn.Module):
    """Calls its parts in the ways that real heads do."""

    def __init__(self):
        super().__init__()
        self.block = ConvModule(1, 2, 1, norm_cfg=dict(type='BN'))
        self.shared = nn.Conv2d(2, 2, 1)
        self.many = Many()
        self.idle = nn.Identity()
        self.runs = 0

    def forward(self, x, calls=3):
        x = self.block(x)
        outs = [self.shared(x[..., i:]) for i in range(calls)]
        many = self.many(x, scale=outs[0])
        self.runs += 1
        return many


class Many(nn.Module):

    def forward(self, x, scale=None):
        return dict(maps=[x, (x + 1, dict(deep=x + 2))], scores=x.sum())


@pytest.fixture()
def net():
    torch.manual_seed(0)
    return Net()


def record(net, *texts, stop=False, **kwargs):
    """Values at addresses after one pass."""
    tape = Tape(net, 'student')
    points = [parse(text, net, 'student') for text in texts]
    for point in points:
        tape.add(point)
    with tape.listen(stop_when_full=stop):
        net(torch.linspace(-1, 1, 8).view(1, 1, 2, 4), **kwargs)
    return tape, [lambda p=p: tape.read(p) for p in points]


def read(net, *texts, **kwargs):
    values = [value() for value in record(net, *texts, **kwargs)[1]]
    return values if len(texts) > 1 else values[0]


def test_nested_lists_tuples_and_dicts(net):
    x, one, two, scores = read(net, 'many.maps[0]', 'many.maps[1][0]',
                               'many.maps[1][1].deep', 'many.scores')
    torch.testing.assert_close(one, x + 1)
    torch.testing.assert_close(two, x + 2)
    torch.testing.assert_close(scores, x.sum())


def test_repeated_calls(net):
    first, third, middle, every, tail = read(net, 'shared@0', 'shared@2',
                                             'shared@[0:2]', 'shared@*',
                                             'shared@[1:]')
    assert first.shape[-1] == 4 and third.shape[-1] == 2
    assert [v.shape[-1] for v in middle] == [4, 3]
    assert [v.shape[-1] for v in every] == [4, 3, 2]
    assert [v.shape[-1] for v in tail] == [3, 2]
    torch.testing.assert_close(every[2], third)


def test_steps_apply_to_each_call(net):
    assert read(net, 'shared@*', calls=2)[1].shape[-1] == 3
    values = read(net, 'shared.inputs@*[0]')
    assert [v.shape[-1] for v in values] == [4, 3, 2]


def test_a_repeated_layer_needs_a_choice(net):
    _, (value, ) = record(net, 'shared')
    with pytest.raises(
            RecordError, match=r"'shared' was called 3 times; say "
            r'which by shared@0 … shared@2, or shared@\*'):
        value()


@pytest.mark.parametrize('text', ['shared@3', 'shared@[1:4]', 'shared@[3:]'])
def test_a_call_that_did_not_happen(net, text):
    _, (value, ) = record(net, text)
    with pytest.raises(RecordError, match='called only 3 times'):
        value()


def test_a_layer_that_is_not_called(net):
    _, (value, ) = record(net, 'idle')
    with pytest.raises(RecordError, match="'idle' was not called"):
        value()
    _, (value, ) = record(net, 'idle.forwad')
    with pytest.raises(RecordError, match="nor has 'idle' a layer 'forwad'"):
        value()


def test_keyword_and_positional_inputs(net):
    x, scale = read(net, 'many.inputs[0]', 'many.inputs[-1].scale')
    torch.testing.assert_close(x, read(net, 'block'))
    torch.testing.assert_close(scale, read(net, 'shared@0'))

    class Keywords(nn.Module):

        def __init__(self):
            super().__init__()
            self.part = nn.Identity()

        def forward(self, x):
            return self.part(input=x)

    assert read(Keywords(), 'part.inputs.input').shape == (1, 1, 2, 4)


def test_a_value_without_tensors_is_refused(net):
    net.many.forward = lambda x, scale: dict(scores='none')
    _, (value, ) = record(net, 'many.scores')
    with pytest.raises(ConfigError, match='holds no tensor but str'):
        value()


def test_in_place_activation_is_noticed_and_then_copied_around(net):
    assert net.block.activate.inplace
    _, (value, ) = record(net, 'block.bn')
    with pytest.raises(
            RecordError, match='block.bn: a later layer has '
            'changed this value in place'):
        value()
    plain = copy.deepcopy(net)
    plain.block.activate.inplace = False
    expected = read(plain, 'block.bn')
    assert expected.min() < 0

    tape, (value, ) = record(net, 'block.bn')
    assert tape.copy_overwritten() == ['block.bn']
    assert tape.copy_overwritten() == []
    with tape.listen():
        net(torch.linspace(-1, 1, 8).view(1, 1, 2, 4))
    torch.testing.assert_close(value(), expected)
    assert value().requires_grad


def test_inputs_are_taken_before_the_layer_writes_into_them(net):
    tape, (value, ) = record(net, 'block.activate.inputs[0]')
    with pytest.raises(RecordError, match='changed this value in place'):
        value()
    assert tape.copy_overwritten() == ['block.activate']
    with tape.listen():
        net(torch.linspace(-1, 1, 8).view(1, 1, 2, 4))
    assert value().min() < 0


@pytest.mark.parametrize('texts, runs', [(['block'], 0),
                                         (['block.conv', 'shared@1'], 0),
                                         (['shared@[0:3]'], 0),
                                         (['many.inputs[0]'], 0),
                                         (['idle'], 1)])
def test_stops_when_full(net, texts, runs):
    record(net, *texts, stop=True)
    assert net.runs == runs


def test_stops_before_the_next_layer(net):
    calls = []
    net.shared.register_forward_pre_hook(lambda *_: calls.append('shared'))
    record(net, 'block', stop=True)
    assert calls == []
    record(net, 'shared@1', stop=True)
    assert calls == ['shared'] * 2


def test_all_calls_stop_a_pass_once_their_number_is_known(net):
    tape, (value, ) = record(net, 'shared@*', stop=True)
    assert net.runs == 1
    with tape.listen(stop_when_full=True):
        net(torch.zeros(1, 1, 2, 4))
    assert net.runs == 1
    assert len(value()) == 3


def test_a_changed_number_of_calls_is_an_error(net):
    tape, _ = record(net, 'shared@0')
    with pytest.raises(
            RecordError, match='student:shared was called 2 times '
            'in this step, but 3 times before'):
        with tape.listen():
            net(torch.zeros(1, 1, 2, 4), calls=2)


def test_nothing_is_recorded_outside_of_listen(net):
    tape, (value, ) = record(net, 'block')
    tape.release()
    net(torch.zeros(1, 1, 2, 4))
    assert tape.recorders['block', 'outputs'].records == []
    with pytest.raises(RecordError):
        value()


def test_an_error_of_the_model_passes_and_ends_the_recording(net):
    tape, _ = record(net, 'block')
    with pytest.raises(RuntimeError, match='channels'):
        with tape.listen():
            net(torch.zeros(1, 5, 2, 4))
    assert not tape.listening


def test_a_model_that_catches_exceptions_does_not_catch_the_stop(net):

    class Careful(nn.Module):

        def __init__(self):
            super().__init__()
            self.net = net
            self.caught = False

        def forward(self, x):
            try:
                return self.net(x)
            except Exception:
                self.caught = True

    careful = Careful()
    tape, _ = record(careful, 'net.block', stop=True)
    assert net.runs == 1  # the first pass goes to the end of the part
    with tape.listen(stop_when_full=True):
        careful(torch.zeros(1, 1, 2, 4))
    assert not careful.caught and net.runs == 1


def test_released_records_are_gone():
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 1, 1))
    tape, (value, ) = record(net, '0')
    alive = weakref.ref(value())
    assert alive() is not None
    tape.release()
    gc.collect()
    assert alive() is None


def test_a_copy_records_on_a_tape_of_its_own(net):
    tape, _ = record(net, 'block', 'shared.inputs@0')
    # Copied while there are records, which a copy does not take along.
    twin = copy.deepcopy(net)
    both = copy.deepcopy(dict(net=net, tape=tape))
    picture = torch.zeros(1, 1, 2, 4)
    with pytest.raises(RecordError, match='block was called 0 times'):
        with tape.listen():
            twin(picture)
    with both['tape'].listen():
        net(picture)
        assert not both['tape'].full
        both['net'](picture)
        assert both['tape'].full
    assert not tape.full


def test_a_replaced_norm_is_listened_to(net):
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.SyncBatchNorm(2))
    tape = Tape(net, 'student')
    point = parse('1', net, 'student')
    tape.add(point)
    net = revert_sync_batchnorm(net)
    assert not isinstance(net[1], nn.SyncBatchNorm)
    with tape.listen():
        out = net(torch.randn(2, 1, 2, 2))
    assert tape.read(point) is out
    assert len(tape.recorders['1', 'outputs'].records) == 1


class Checkpointed(nn.Module):
    """Two layers in one checkpointed segment."""

    def __init__(self, use_reentrant):
        super().__init__()
        self.stem = nn.Linear(2, 2)
        self.first, self.last = nn.Linear(2, 2), nn.Linear(2, 2)
        self.use_reentrant = use_reentrant

    def forward(self, x):
        x = self.stem(x)
        if self.use_reentrant is None:
            return self.segment(x)
        return checkpoint(self.segment, x, use_reentrant=self.use_reentrant)

    def segment(self, x):
        return self.last(self.first(x).tanh())


def kd_gradients(use_reentrant, layer):
    torch.manual_seed(0)
    net = Checkpointed(use_reentrant)
    tape = Tape(net, 'student')
    point = parse(layer, net, 'student')
    tape.add(point)
    with tape.listen():
        out = net(torch.ones(1, 2))
    value = tape.read(point)
    if not value.requires_grad:
        return None
    (out + value.square()).sum().backward()
    assert len(tape.recorders[layer, 'outputs'].records) == 1
    return [p.grad for p in net.parameters()]


@pytest.mark.parametrize('layer', ['first', 'last'])
def test_non_reentrant_checkpointing_gives_the_same_gradients(layer):
    for found, wanted in zip(kd_gradients(False, layer),
                             kd_gradients(None, layer), strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=0)


def test_inside_a_reentrant_checkpoint_there_is_no_gradient():
    # What the distiller turns into an error.
    assert kd_gradients(True, 'first') is None


def test_containers():
    one, two = torch.ones(1), torch.ones(2)
    nested = dict(a=[one, (two, 'x')], b=3)
    assert [t.numel() for t in tensors_in(nested)] == [1, 2]
    doubled = map_tensors(lambda t: 2 * t, nested)
    assert doubled['b'] == 3 and doubled['a'][1][1] == 'x'
    assert doubled['a'][1][0].tolist() == [2, 2]
