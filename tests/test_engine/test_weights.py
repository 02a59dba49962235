import pytest
import torch

from mmxkd.engine.weights import load_teacher
from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS
from tests.helpers.toys import Toy, algorithm_cfg, toy


@pytest.fixture()
def weights():
    torch.manual_seed(3)
    return Toy().state_dict()


@pytest.fixture()
def save(tmp_path):

    def save(weights, wrap=True):
        path = str(tmp_path / 'teacher.pth')
        torch.save(dict(state_dict=weights) if wrap else weights, path)
        return path

    return save


def same(model, weights):
    return all(
        torch.equal(v, weights[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize('wrap', [True, False])
def test_loads(weights, save, wrap):
    model = Toy()
    assert not same(model, weights)
    report = load_teacher(model, save(weights, wrap), 't')
    assert same(model, weights)
    assert report.fits and len(report.matched) == len(weights)
    assert (report.missing, report.unexpected, report.mismatched) == ([], [],
                                                                      [])


def test_through_the_algorithm(weights, save):
    model = MODELS.build(
        algorithm_cfg(teacher=dict(cfg=toy(), checkpoint=save(weights))))
    model.init_weights()
    assert same(model.teachers['t'].model, weights)


def test_names_of_ddp_and_of_a_distiller_are_no_obstacle(weights, save):
    weights = {f'module.{k}': v for k, v in weights.items()}
    weights['module.distiller.losses.a.weight'] = torch.zeros(1)
    model = Toy()
    assert load_teacher(model, save(weights), 't').fits


def refused(weights, save, **kwargs):
    model = Toy()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises(ConfigError) as error:
        load_teacher(model, save(weights), 't', **kwargs)
    # Not half-loaded either.
    assert same(model, before)
    return str(error.value)


def test_a_partial_file_is_refused(weights, save):
    del weights['neck.lateral.0.weight']
    message = refused(weights, save)
    assert "teacher 't' and its checkpoint do not fit" in message
    assert '14 weights match, 1 missing, 0 unexpected' in message
    assert 'missing: neck.lateral.0.weight' in message
    assert 'set strict=False in teachers.t' in message


def test_a_wrong_file_is_refused(save):
    message = refused({'fc.weight': torch.zeros(2, 2)}, save)
    assert '0 weights match, 14 missing, 1 unexpected' in message
    assert 'unexpected: fc.weight' in message


def test_a_file_with_more_is_refused(weights, save):
    weights['aux_head.weight'] = torch.zeros(1)
    assert 'unexpected: aux_head.weight' in refused(weights, save)


def test_another_shape_is_refused(weights, save):
    weights['backbone.stem.weight'] = torch.zeros(4, 6, 3, 3)
    assert ('backbone.stem.weight (4, 6, 3, 3) in the file, (4, 3, 3, 3) in '
            'the model') in refused(weights, save)


@pytest.mark.parametrize('prefix', ['architecture.', 'student.', 'weird.'])
def test_the_prefix_is_offered_and_then_used(weights, save, prefix):
    named = {prefix + k: v for k, v in weights.items()}
    message = refused(named, save)
    assert (f'{len(weights)} weights match without the prefix {prefix!r}: '
            f"set prefix={prefix!r} beside 'checkpoint'") in message
    for given in (prefix, prefix.rstrip('.')):
        model = Toy()
        assert load_teacher(model, save(named), 't', prefix=given).fits
        assert same(model, weights)


def test_a_wrong_prefix_is_named(weights, save):
    named = {'student.' + k: v for k, v in weights.items()}
    assert ("no weight starts with prefix='studnet.'; did you mean "
            "'student.'") in refused(named, save, prefix='studnet.')


def test_opt_out_loads_what_fits(weights, save):
    del weights['neck.lateral.0.weight']
    weights['backbone.stem.weight'] = torch.zeros(4, 6, 3, 3)
    weights['aux.weight'] = torch.zeros(1)
    model = Toy()
    own = model.neck.lateral[0].weight.clone()
    report = load_teacher(model, save(weights), 't', strict=False)
    assert not report.fits
    assert report.missing == ['neck.lateral.0.weight']
    assert report.unexpected == ['aux.weight']
    assert len(report.mismatched) == 1
    assert torch.equal(model.neck.lateral[0].weight, own)
    assert torch.equal(model.bbox_head.cls.weight,
                       weights['bbox_head.cls.weight'])


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_weights_that_are_not_finite_are_refused(weights, save, value):
    weights['neck.lateral.0.weight'][0] = value
    for strict in (True, False):
        assert (
            'weights that are not finite: neck.lateral.0.weight') in refused(
                weights, save, strict=strict)


def test_a_missing_file_offers_its_neighbours(weights, save):
    path = save(weights).replace('teacher.pth', 'teacher_1.pth')
    with pytest.raises(
            ConfigError, match='does not exist; did you mean '
            r".*teacher\.pth'"):
        load_teacher(Toy(), path, 't')


def test_a_file_without_weights(save):
    with pytest.raises(ConfigError, match='no weights in this file'):
        load_teacher(Toy(), save(dict(epoch=3)), 't')


def test_a_distilled_students_file_teaches_in_turn(tmp_path):
    torch.manual_seed(0)
    model = MODELS.build(
        algorithm_cfg(teacher=dict(cfg=toy(out_channels=9), random=True)))
    path = str(tmp_path / 'distilled.pth')
    torch.save(dict(state_dict=model.state_dict()), path)
    next_teacher = Toy()
    assert load_teacher(next_teacher, path, 't').fits
    assert same(next_teacher, model.student.state_dict())
