"""The method of docs/add_a_method.md: two configs, an arm and a metafile."""
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.fileio import load
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from mmxkd.experiments import load_plan
from mmxkd.families import family_of
from mmxkd.registry import MODELS
from mmxkd.schedules import Progress
from tests.helpers.pages import files_of, write_files

FOLDER = 'configs/gated_labels'
H, W = 96, 128


@pytest.fixture
def files(repo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    init_default_scope('mmdet')
    return write_files(repo / 'docs/add_a_method.md', tmp_path)


def built(path):
    cfg = Config.fromfile(path).model
    assert cfg.teachers.gated.pop('checkpoint').startswith('work_dirs/fog_')
    cfg.teachers.gated.random = True
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    return model.train()


def batch() -> dict:
    """Two frames with one human's box each."""
    rng = np.random.default_rng(0)
    samples = []
    for i in range(2):
        sample = DetDataSample(
            metainfo=dict(img_id=i, img_path=f'{i}.png', img_shape=(
                H, W), ori_shape=(H, W), scale_factor=(1.0, 1.0)))
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor([[10., 20., 40., 90.]]),
            labels=torch.tensor([0]))
        samples.append(sample)
    return dict(
        data_samples=samples, inputs={
            name: [
                torch.from_numpy(rng.integers(0, 255, (3, H, W), np.uint8))
                for _ in range(2)
            ] for name in ('img', 'gated')
        })


def attention(feature):
    """Where one image's (C, H, W) feature is strong, of unit length."""
    energy = sum(channel.double()**2 for channel in feature).flatten()
    return energy / sum(e**2 for e in energy.tolist())**0.5


def test_nothing_of_it_is_in_this_repository(repo):
    for name in files_of(repo / 'docs/add_a_method.md'):
        assert not (repo / name).exists()
    assert not (repo / FOLDER).exists()


@pytest.mark.parametrize('name', ['fog_labels', 'fog_labels_tiny'])
def test_both_configs_build(files, name):
    model = built(files[f'{FOLDER}/{name}.py'])
    assert model.distiller.predicting == {'gated'}
    (labeller, ) = model.distiller.labellers
    # No human's label is learned from, in either config.
    assert labeller.replace and labeller.parts[0].score_thr == 0.5
    assert list(model.distiller.losses) == ['loss_look']
    assert model.distiller.weights(Progress()) == {'loss_look': 100}
    sees = model.teachers['gated'].model.data_preprocessor.modalities
    assert sees == ('img', 'gated')


def test_a_step_learns_from_the_boxes_of_the_teacher(files, monkeypatch):
    model = built(files[f'{FOLDER}/fog_labels_tiny.py'])
    teacher, seen = model.teachers['gated'].model, []
    family = type(family_of(teacher))
    predict = family.predict

    def sure(self, asked, inputs, samples):
        """Random weights are sure of nothing."""
        found = predict(self, asked, inputs, samples)
        assert asked is teacher and len(found) == 2
        for i, sample in enumerate(found):
            sample.pred_instances = InstanceData(
                bboxes=torch.tensor([[5., 5., 25., 60.], [0., 0., 8., 8.]]),
                labels=torch.zeros(2, dtype=torch.long),
                scores=torch.tensor([0.5 + i / 10, 0.4]))
        return found

    monkeypatch.setattr(family, 'predict', sure)
    loss = model.student.loss

    def spy(inputs, data_samples):
        seen.extend(data_samples)
        return loss(inputs, data_samples)

    monkeypatch.setattr(model.student, 'loss', spy)
    necks = {}
    for name, part in (('student', model.student), ('gated', teacher)):
        part.neck.register_forward_hook(
            lambda _, __, found, name=name: necks.update({name: found}))
    data = model.data_preprocessor(batch(), True)
    found = model(**data, mode='loss')
    # Not the human's, and only the one that is sure enough.
    assert [s.gt_instances.bboxes.tolist()
            for s in seen] == [[[5, 5, 25, 60]]] * 2
    assert [s.gt_instances.scores.item()
            for s in seen] == pytest.approx([0.5, 0.6])
    assert {s.label_source for s in seen} == {'gated'}

    look = sum(
        (attention(s[i].detach()) - attention(t[i])).square().mean().item()
        for s, t in zip(necks['student'][:4], necks['gated'][:4], strict=True)
        for i in range(2)) / 2
    assert found['distill/raw_look'].item() == pytest.approx(look, rel=1e-4)
    assert found['distill/loss_look'].item() == pytest.approx(
        100 * look, rel=1e-4)


def test_the_experiment_has_one_arm_more(files, repo, tmp_path):
    plan = load_plan(files['configs/experiments/fog_labels.py'], repo,
                     tmp_path / 'runs')
    assert plan.reported == ['teacher', 'baseline', 'mse', 'adv', 'labels']
    arm = plan.arms['labels']
    assert arm.config == files[f'{FOLDER}/fog_labels_tiny.py']
    assert arm.needs == ('pretrain', 'teacher')


def test_the_metafile_is_complete(files, repo):
    """It has what CMKD's has, and names the full configs."""
    meta = load(files[f'{FOLDER}/metafile.yml'])
    cmkd = load(repo / 'configs/cmkd/metafile.yml')
    (collection, ), (model, ) = meta['Collections'], meta['Models']
    assert collection.keys() == cmkd['Collections'][0].keys()
    assert model.keys() == cmkd['Models'][0].keys()
    assert model['In Collection'] == collection['Name']
    shown = {
        name for name in files if name.startswith(FOLDER)
        and name.endswith('.py') and not name.endswith('_tiny.py')
    }
    assert {model['Config']} == shown
