import copy
import os

import pytest
import torch
from mmengine.config import Config
from mmengine.model import ExponentialMovingAverage
from mmengine.runner.checkpoint import (
    get_state_dict,
    load_checkpoint,
    save_checkpoint,
)
from torch import nn

from mmxkd.engine.model_config import build_model
from mmxkd.registry import MODELS
from tests.helpers.detectors import narrow, pictures
from tests.helpers.toys import Toy, build, mse, toy


def adapted():
    """An algorithm with connectors and discriminators."""
    return build(
        teacher=dict(cfg=toy(out_channels=9), random=True), loss_a=mse(),
        loss_adv=dict(type='AdversarialFeatureLoss', in_channels=9,
                      num_levels=2, channels=2, hidden=2, student='neck',
                      teacher='neck'))


def distilled(name):
    model = MODELS.build(
        dict(type='mmxkd.CrossModalDistill', student=narrow(name),
             teachers=dict(t=dict(cfg=narrow(name), random=True)),
             distiller=dict(losses=dict(loss_neck=mse()))))
    model.init_weights()
    return model


def same(one, other):
    return set(one) == set(other) and all(
        torch.equal(v, other[k]) for k, v in one.items())


@pytest.mark.parametrize('read', [get_state_dict, nn.Module.state_dict])
def test_keys_are_the_plain_students_and_the_distillers(read):
    model = adapted()
    state = read(model)
    own = {k for k in state if k.startswith('distiller.')}
    assert set(state) - own == set(Toy().state_dict())
    assert own == {f'distiller.{k}' for k in model.distiller.state_dict()}
    assert len(own) == 4 + 4 + 16
    for key, value in model.student.state_dict().items():
        assert torch.equal(state[key], value)


def test_the_state_loads_strictly_into_the_plain_student():
    model = adapted()
    state = {
        k: v for k, v in model.state_dict().items()
        if not k.startswith('distiller.')
    }
    plain = Toy()
    plain.load_state_dict(state, strict=True)
    assert same(plain.state_dict(), model.student.state_dict())


def test_the_plain_students_state_loads_into_the_algorithm():
    model, plain = build(), Toy()
    model.load_state_dict(plain.state_dict(), strict=True)
    assert same(plain.state_dict(), model.student.state_dict())
    # Names with the prefix are taken as well.
    other = Toy()
    model.load_state_dict(
        {f'student.{k}': v for k, v in other.state_dict().items()})
    assert same(other.state_dict(), model.student.state_dict())


def test_round_trip():
    model, twin = adapted(), adapted()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert not same(model.state_dict(), twin.state_dict())
    state = model.state_dict()
    keys = list(state)
    twin.load_state_dict(state, strict=True)
    assert same(model.state_dict(), twin.state_dict())
    assert list(state) == keys


def test_missing_weights_are_named():
    state = Toy().state_dict()
    del state['neck.lateral.0.bias']
    with pytest.raises(RuntimeError, match='student.neck.lateral.0.bias'):
        build().load_state_dict(state)


def test_ema_keeps_the_names():
    model = adapted()
    ema = ExponentialMovingAverage(model)
    state = ema.state_dict()
    assert 'module.backbone.stem.weight' in state
    assert not any('student.' in k for k in state)
    twin = ExponentialMovingAverage(adapted())
    twin.load_state_dict(copy.deepcopy(state), strict=True)
    assert same(twin.state_dict(), state)


@pytest.mark.parametrize('name', ['retinanet', 'detr'])
def test_a_file_serves_both_ways(name, tmp_path):
    model, path = distilled(name), str(tmp_path / 'a.pth')
    save_checkpoint(dict(state_dict=get_state_dict(model)), path)
    plain = build_model(narrow(name), 'mmdet')
    load_checkpoint(plain, path, strict=True)
    assert same(plain.state_dict(), model.student.state_dict())
    save_checkpoint(dict(state_dict=get_state_dict(plain)), path)
    other = distilled(name)
    assert not same(other.state_dict(), plain.state_dict())
    load_checkpoint(other, path, strict=True)
    assert same(other.state_dict(), plain.state_dict())


def test_the_file_holds_no_teacher(tmp_path):
    sizes = {}
    model = adapted()
    for name, state in (('plain', get_state_dict(model.student)),
                        ('ours', get_state_dict(model)),
                        ('distiller', get_state_dict(model.distiller))):
        path = str(tmp_path / f'{name}.pth')
        save_checkpoint(dict(state_dict=state), path)
        sizes[name] = os.path.getsize(path)
    assert sizes['ours'] <= sizes['plain'] + sizes['distiller'] + 4096

    model = distilled('retinanet')
    for name, module in (('plain', model.student), ('ours', model)):
        path = str(tmp_path / f'{name}.pth')
        save_checkpoint(dict(state_dict=get_state_dict(module)), path)
        sizes[name] = os.path.getsize(path)
    assert abs(sizes['ours'] - sizes['plain']) <= 4096


def test_mmdets_init_detector_takes_the_file(tmp_path):
    from mmdet.apis import inference_detector, init_detector
    model, path = distilled('retinanet'), str(tmp_path / 'a.pth')
    save_checkpoint(
        dict(state_dict=get_state_dict(model),
             meta=dict(dataset_meta=dict(CLASSES=('a', 'b', 'c')))), path)
    config = Config(
        dict(
            model=narrow('retinanet'), default_scope='mmdet',
            test_dataloader=dict(dataset=dict(pipeline=[
                dict(type='mmdet.LoadImageFromNDArray'),
                dict(type='mmdet.Resize', scale=(96, 64), keep_ratio=True),
                dict(type='mmdet.PackDetInputs', meta_keys=('ori_shape',
                                                            'img_shape',
                                                            'scale_factor')),
            ]))))
    detector = init_detector(config, path, palette='random', device='cpu')
    assert same(detector.state_dict(), model.student.state_dict())
    image = pictures(1)['inputs'][0].permute(1, 2, 0).numpy()
    found = inference_detector(detector, image)
    assert found.pred_instances.bboxes.shape[1] == 4
