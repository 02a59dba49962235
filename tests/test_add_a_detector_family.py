"""The family of docs/add_a_detector_family.md: a student that hears."""
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope

from mmxkd.errors import ConfigError
from mmxkd.families import asked_names, family_of
from mmxkd.registry import MODELS
from tests.helpers.pages import package_mentions, project_of
from tests.helpers.toys import build, sample, toy

H, W = 64, 96


@pytest.fixture
def page(repo, tmp_path):
    with project_of(repo / 'docs/add_a_detector_family.md', tmp_path) as files:
        yield files


@pytest.fixture
def model(page):
    cfg = Config.fromfile(page['heard.py']).model
    teacher = cfg.teachers.rgb
    assert teacher.pop('checkpoint') == 'retinanet_r18.pth'
    teacher.random = True
    init_default_scope('mmdet')
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    return model.train()


def batch() -> dict:
    """Two pictures and their sounds, the second one louder."""
    generator = torch.Generator().manual_seed(0)
    return dict(
        inputs=dict(
            img=[
                torch.randint(0, 255, (3, H, W), generator=generator,
                              dtype=torch.uint8) for _ in range(2)
            ],
            spectrogram=[(i + 1) * torch.randn(2, 24, 40, generator=generator)
                         for i in range(2)]),
        data_samples=[sample(i, H, W) for i in range(2)])


def test_the_package_does_not_know_it(model):
    for word in ('SoundFamily', 'sounddet', 'LoudFeatureLoss'):
        assert package_mentions(word) == []
    family = family_of(model.student)
    assert type(family).__module__ == 'sound_family'
    assert family is family_of(model.student.data_preprocessor)
    assert family_of(model.teachers['rgb'].model).name == 'mmdet'


def test_the_dry_run_infers_the_connector(model):
    """8 channels of the student's, 256 of the teacher's."""
    (connector, ) = model.distiller.losses['loss_heard'].connector
    assert connector.conv.weight.shape == (256, 8, 1, 1)


def test_each_model_gets_its_modality(model):
    data = batch()
    seen = model.data_preprocessor(data, True)
    assert list(seen['inputs']) == ['sound']
    assert torch.equal(seen['inputs']['sound'],
                       torch.stack(data['inputs']['spectrogram']))
    assert seen['views']['rgb']['inputs'].shape == (2, 3, H, W)


def test_a_step_weighs_by_what_the_family_serves(model):
    seen = model.data_preprocessor(batch(), True)
    found = model(**seen, mode='loss')
    sound = seen['inputs']['sound']
    loudness = [(sound[i]**2).mean().item() for i in range(2)]
    assert loudness[1] > 3 * loudness[0]
    with torch.no_grad():
        target = model.teachers['rgb'].model.extract_feat(
            seen['views']['rgb']['inputs'])[0]
        student = model.distiller.losses['loss_heard'].connector[0](
            model.student.backbone(sound), target)
    errors = [((student[i] - target[i])**2).mean().item() for i in range(2)]
    expected = sum(
        w * e for w, e in zip(loudness, errors, strict=True)) / sum(loudness)
    assert found['distill/loss_heard'].item() == pytest.approx(
        expected, rel=1e-4)


def test_the_student_learns(model):
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.01))
    before = model.student.backbone.weight.detach().clone()
    losses = [
        model.train_step(batch(), optimizer)['distill/loss_heard']
        for _ in range(3)
    ]
    assert losses[2] < losses[0]
    assert not torch.equal(model.student.backbone.weight, before)
    assert not any(
        name.startswith(('rgb', 'teacher')) for name in model.state_dict())


def test_detectors_of_others_do_not_serve_it(model):
    with pytest.raises(
            ConfigError, match="loss_kd': it asks for 'loudness', "
            'which detectors of mmdet do not serve'):
        build(
            student=toy(), loss_kd=dict(type='LoudFeatureLoss', student='neck',
                                        teacher='neck'))


def test_a_batch_without_its_modality_is_named(model):
    data = batch()
    data['inputs']['spectrograms'] = data['inputs'].pop('spectrogram')
    with pytest.raises(
            ConfigError, match="student: its data preprocessor "
            "sees 'spectrogram'.*did you mean 'spectrograms'"):
        model.data_preprocessor(data, True)


def test_afterwards_nobody_knows_the_name(repo, tmp_path):
    with project_of(repo / 'docs/add_a_detector_family.md', tmp_path):
        import sound_family  # noqa: F401
        assert 'loudness' in asked_names()
    assert 'loudness' not in asked_names()
    assert MODELS.get('mmxkd.SoundDetector') is None
