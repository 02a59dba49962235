"""The plain student of a distillation, in a file of its own."""
import mmdet.models  # noqa: F401
import numpy as np
import pytest
import torch
from mmdet.apis import inference_detector, init_detector
from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from mmengine.runner import save_checkpoint

import mmxkd  # noqa: F401
from mmxkd.engine.export import export_student
from mmxkd.engine.weights import load_teacher
from mmxkd.errors import CheckpointError, ConfigError
from mmxkd.registry import MODELS
from tests.helpers.tiny_run import write_config, write_distilled

ENDINGS = ['.safetensors', '.pth']


@pytest.fixture
def distilled(tmp_path):
    """Configs of student and distillation, and a checkpoint of the latter."""
    student, teacher = (write_config(tmp_path / f'{name}.py', tmp_path,
                                     channels=channels)
                        for name, channels in (('student', 8), ('teacher',
                                                                12)))
    config = write_distilled(tmp_path / 'distilled.py', student, teacher, '')
    cfg = Config.fromfile(config)
    cfg.model.teachers.wide.pop('checkpoint')
    cfg.model.teachers.wide.random = True
    with DefaultScope.overwrite_default_scope('mmdet'):
        torch.manual_seed(0)
        model = MODELS.build(ConfigDict(cfg.model))
    checkpoint = tmp_path / 'epoch_1.pth'
    torch.save(
        dict(
            state_dict=model.state_dict(), optimizer=dict(state={}),
            message_hub={}, meta=dict(
                epoch=1, iter=4, cfg='runs_code()',
                dataset_meta=dict(classes=('box', ),
                                  palette=[(220, 20, 60)]))), checkpoint)
    return student, config, checkpoint, model.student


@pytest.mark.parametrize('ending', ENDINGS)
@pytest.mark.parametrize('which', [0, 1], ids=['student', 'distillation'])
def test_stock_tools_take_it(distilled, tmp_path, ending, which):
    student, _, checkpoint, trained = distilled
    out = str(tmp_path / f'out{ending}')
    names = export_student(str(distilled[which]), str(checkpoint), out)
    assert names == list(trained.state_dict())
    detector = init_detector(str(student), out, device='cpu')
    assert detector.dataset_meta['classes'] in (['box'], ('box', ))
    state = detector.state_dict()
    assert all(
        torch.equal(state[k], v) for k, v in trained.state_dict().items())
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    found = inference_detector(detector, picture).pred_instances
    reference = inference_detector(
        init_detector(str(student), str(checkpoint), device='cpu'),
        picture).pred_instances
    assert torch.equal(found.scores, reference.scores) and len(found)


@pytest.mark.parametrize('ending', ENDINGS)
def test_it_teaches_in_turn(distilled, tmp_path, ending):
    _, config, checkpoint, trained = distilled
    out = str(tmp_path / f'out{ending}')
    export_student(str(config), str(checkpoint), out)
    expected = {k: v.clone() for k, v in trained.state_dict().items()}
    for parameter in trained.parameters():
        torch.nn.init.zeros_(parameter)
    report = load_teacher(trained, out, 'again')
    assert report.fits and report.meaning.classes == ('box', )
    assert all(
        torch.equal(trained.state_dict()[k], v) for k, v in expected.items())


def test_the_file_holds_the_student_and_its_config_alone(distilled, tmp_path):
    _, config, checkpoint, trained = distilled
    out = tmp_path / 'out.pth'
    export_student(str(config), str(checkpoint), out)
    content = torch.load(out, weights_only=True)
    assert set(content) == {'state_dict', 'meta'}
    plain = Config.fromstring(content['meta']['cfg'], '.py')
    assert plain.model.type == 'RetinaNet' and plain.default_scope == 'mmdet'
    assert content['meta']['epoch'] == 1


def test_what_cannot_be_exported(distilled, tmp_path):
    student, config, checkpoint, trained = distilled
    with pytest.raises(ConfigError, match='must end in one of .safetensors'):
        export_student(str(config), str(checkpoint), tmp_path / 'out.pt')
    with pytest.raises(ConfigError, match='would replace'):
        export_student(str(config), str(checkpoint), checkpoint)
    with pytest.raises(CheckpointError, match='does not fit the student'):
        export_student(str(tmp_path / 'teacher.py'), str(checkpoint),
                       tmp_path / 'out.pth')
    state = trained.state_dict()
    state['bbox_head.retina_cls.bias'][0] = float('nan')
    bad = tmp_path / 'bad.pth'
    save_checkpoint(dict(state_dict=state), str(bad))
    with pytest.raises(CheckpointError, match='retina_cls.bias is NaN'):
        export_student(str(student), str(bad), tmp_path / 'out.pth')
    assert not (tmp_path / 'out.pth').exists()


@pytest.mark.parametrize('content, message', [
    (dict(state_dict=[1]), 'state_dict is a list, expected a dict of tensors'),
    (dict(state_dict={'backbone.conv1.weight': 1}),
     'backbone.conv1.weight is a int, expected a tensor'),
    ({1: torch.zeros(2)}, '0 weights match, .* missing, 1 unexpected'),
    ({}, '0 weights match'),
])
def test_files_that_hold_something_else(distilled, tmp_path, content, message):
    odd = tmp_path / 'odd.pth'
    torch.save(content, odd)
    with pytest.raises(CheckpointError, match=f'odd.pth.*{message}') as caught:
        export_student(str(distilled[0]), str(odd), tmp_path / 'out.pth')
    # Some names say what happened; a list of all of them hides it.
    assert len(str(caught.value)) < 1500
    assert not (tmp_path / 'out.pth').exists()
