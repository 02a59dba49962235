"""A student of pictures learns from a teacher of depth, by the configs."""
import copy
import os
import runpy
from pathlib import Path

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmxkd.engine.export import export_student
from mmxkd.errors import CheckpointError, ConfigError
from mmxkd.io.images import read_image
from mmxkd.registry import DATASETS, MODELS
from tests.helpers.mono_run import narrow, tiny_config, write_streets


@pytest.fixture(scope='module')
def streets(tmp_path_factory) -> Path:
    return write_streets(tmp_path_factory.mktemp('streets'))


@pytest.fixture(scope='module')
def chain(streets, tmp_path_factory, repo) -> dict:
    """One epoch of the teacher, then of the distilled student."""
    root = tmp_path_factory.mktemp('chain')
    found = {}
    for name in ('teacher_tiny', 'mmkd_tiny'):
        cfg = tiny_config(repo, name, streets, root / name)
        if name == 'mmkd_tiny':
            teacher = cfg.model.teachers.depth
            teacher.cfg = str(root / 'teacher.py')
            teacher.checkpoint = str(root / 'teacher_tiny/epoch_1.pth')
            cfg.model.distiller.losses.loss_mmkd.update(
                in_channels=8, feat_channels=8)
        cfg.dump(root / f'{name.removesuffix("_tiny")}.py')
        Runner.from_cfg(copy.deepcopy(cfg)).train()
        found[name] = cfg
    return dict(found, root=root)


def samples_of(cfg) -> list[dict]:
    init_default_scope('mmdet3d')
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    return [dataset[i] for i in range(2)]


def collate(samples: list[dict]) -> dict:
    keys = samples[0]['inputs']
    return dict(inputs={k: [s['inputs'][k] for s in samples] for k in keys},
                data_samples=[s['data_samples'] for s in samples])


def build(cfg):
    init_default_scope('mmdet3d')
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    return model


def settle(model, batch: dict) -> None:
    """Batch statistics of two steps are still those of the start."""
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.train()(**model.data_preprocessor(copy.deepcopy(batch), True),
                      mode='loss')


def test_the_chain_runs(chain):
    assert (chain['root'] / 'mmkd_tiny/epoch_1.pth').is_file()


def test_one_step_teaches_the_student_and_not_the_teacher(chain):
    cfg = chain['mmkd_tiny']
    model = build(cfg.model).train()
    teacher = model.teachers['depth'].model
    before = {k: v.clone() for k, v in teacher.state_dict().items()}
    data = model.data_preprocessor(collate(samples_of(cfg)), True)
    losses = model(**data, mode='loss')
    total, logs = model.parse_losses(losses)
    assert logs['distill/loss_mmkd'] > 0
    assert logs['distill/mmkd_mimic'] > 0 and logs['distill/mmkd_dual_kl'] > 0
    total.backward()
    # The unused projections are frozen: DDP waits for none in vain.
    lost = [
        n for n, p in model.named_parameters()
        if p.requires_grad and p.grad is None
    ]
    assert not lost
    torch.optim.SGD(model.parameters(), 1e-3).step()
    assert not teacher.training
    assert all((v == before[k]).all() for k, v in teacher.state_dict().items())
    assert not any(n.startswith('teacher') for n in model.state_dict())


def test_the_exported_student_is_the_plain_one(chain, tmp_path):
    """Its keys, its size, and its predictions, to the last bit."""
    cfg, root = chain['mmkd_tiny'], chain['root']
    path = tmp_path / 'student.pth'
    keys = export_student(str(root / 'mmkd.py'),
                          str(root / 'mmkd_tiny/epoch_1.pth'), path)
    plain = build(cfg.model.student)
    assert keys == list(plain.state_dict())
    state = torch.load(path, weights_only=True)['state_dict']
    torch.save(plain.state_dict(), tmp_path / 'plain.pth')
    torch.save(state, tmp_path / 'alone.pth')
    sizes = [os.path.getsize(tmp_path / n) for n in ('plain.pth', 'alone.pth')]
    assert sizes[1] / sizes[0] == pytest.approx(1, abs=0.005)

    plain.load_state_dict(state)
    whole = build(cfg.model)
    trained = torch.load(root / 'mmkd_tiny/epoch_1.pth', weights_only=True)
    whole.load_state_dict(trained['state_dict'])
    batch = collate(samples_of(cfg))
    settle(plain, batch)
    whole.student.load_state_dict(plain.state_dict())
    outputs = []
    for model in (plain, whole):
        model.eval()
        student = getattr(model, 'student', model)
        student.bbox_head.coder.score_thr = 0.
        with torch.no_grad():
            outputs.append(model.test_step(copy.deepcopy(batch)))
    for one, two in zip(*outputs, strict=True):
        a, b = one.pred_instances_3d, two.pred_instances_3d
        assert len(a) and (a.bboxes_3d.tensor == b.bboxes_3d.tensor).all()
        assert (a.scores_3d == b.scores_3d).all()
        assert (one.pred_instances.bboxes == two.pred_instances.bboxes).all()


def test_the_exported_student_loads_in_init_model(chain, tmp_path):
    from mmdet3d.apis import init_model
    root, cfg = chain['root'], chain['mmkd_tiny']
    path = tmp_path / 'student.pth'
    export_student(str(root / 'mmkd.py'), str(root / 'mmkd_tiny/epoch_1.pth'),
                   path)
    alone = copy.deepcopy(cfg)
    alone.model = alone.model.student
    model = init_model(alone, str(path), device='cpu')
    state = torch.load(path, weights_only=True)['state_dict']
    assert all((v == state[k]).all() for k, v in model.state_dict().items())


def test_the_student_alone_gives_what_it_gives_while_taught(chain):
    """The branch is not a part of its graph."""
    cfg = chain['mmkd_tiny']
    model = build(cfg.model).train()
    batch = collate(samples_of(cfg))
    state = copy.deepcopy(model.state_dict())
    own = model.parse_losses(
        model(**model.data_preprocessor(copy.deepcopy(batch), True),
              mode='loss'))[1]
    model.load_state_dict(state)
    student = model.student
    alone = student.parse_losses(
        student(**student.data_preprocessor(batch, True), mode='loss'))[1]
    for name in alone:
        if name != 'loss':
            assert alone[name] == own[name], name


def test_head_distillation_by_config(chain):
    """Between did heads, run on the same objects."""
    cfg = copy.deepcopy(chain['mmkd_tiny'].model)
    cfg.teachers.depth.mode = 'loss'
    cfg.distiller.losses = dict(
        loss_head=dict(type='mmxkd.MonoHeadLoss', student='bbox_head',
                       teacher='depth:bbox_head'))
    model = build(cfg).train()
    data = model.data_preprocessor(collate(samples_of(chain['mmkd_tiny'])),
                                   True)
    total, logs = model.parse_losses(model(**data, mode='loss'))
    parts = [
        logs[f'distill/head_{k}']
        for k in ('offset_2d', 'size_2d', 'offset_3d', 'size_3d', 'depth',
                  'heading')
    ]
    torch.testing.assert_close(sum(parts), logs['distill/loss_head'])
    total.backward()
    assert model.student.bbox_head.heatmap[0].weight.grad.abs().max() > 0


def test_a_teacher_of_another_depth_norm_is_refused(chain):
    cfg = copy.deepcopy(chain['mmkd_tiny'].model)
    other = copy.deepcopy(chain['teacher_tiny'])
    other.model.data_preprocessor.depth_norm = 'monoskd'
    path = chain['root'] / 'other_norm.py'
    other.dump(path)
    cfg.teachers.depth.cfg = str(path)
    model = MODELS.build(cfg)
    with pytest.raises(ValueError, match='depth_norm'):
        model.init_weights()


@pytest.mark.parametrize('key, value', [('depth_norm', 'monoskd'),
                                        ('modalities', ('depth', ))])
@pytest.mark.parametrize('by_default', ['config', 'checkpoint'])
def test_what_a_config_leaves_out_is_its_default(chain, tmp_path, key, value,
                                                 by_default):
    """A teacher whose file, or whose config, does not say what it sees."""
    given, other = (copy.deepcopy(chain['teacher_tiny']) for _ in range(2))
    given.model.data_preprocessor[key] = value
    del other.model.data_preprocessor[key]
    file, config = ((given, other) if by_default == 'config' else
                    (other, given))
    path = tmp_path / 'teacher.pth'
    content = torch.load(chain['root'] / 'teacher_tiny/epoch_1.pth',
                         weights_only=True)
    content['meta']['cfg'] = file.pretty_text
    torch.save(content, path)
    config.dump(tmp_path / 'teacher.py')
    cfg = copy.deepcopy(chain['mmkd_tiny'].model)
    cfg.teachers.depth.update(cfg=str(tmp_path / 'teacher.py'),
                              checkpoint=str(path))
    with pytest.raises(ValueError, match=f'data_preprocessor.{key}='):
        MODELS.build(cfg).init_weights()


def test_defaults_of_preprocessors_are_those_of_their_classes():
    from inspect import signature

    from mmxkd.engine.meaning import DEFAULTS
    for name, options in DEFAULTS.items():
        known = signature(MODELS.get(f'mmxkd.{name}').__init__).parameters
        for key, value in options.items():
            assert known[key].default == value


def test_a_teacher_of_another_width_is_refused(chain):
    cfg = copy.deepcopy(chain['mmkd_tiny'].model)
    other = copy.deepcopy(chain['teacher_tiny'])
    narrow(other.model)
    other.model.backbone.width = 0.25
    other.model.neck.in_channels = (16, 32, 64, 128)
    other.model.bbox_head.in_channels = 16
    path = chain['root'] / 'other_width.py'
    other.dump(path)
    cfg.teachers.depth.cfg = str(path)
    model = MODELS.build(cfg)
    with pytest.raises(
            ValueError, match="teacher 'depth' and its checkpoint "
            r'do not fit[^~]*of another shape'):
        model.init_weights()


def test_the_branch_is_drawn(chain, repo, tmp_path, capsys):
    """By the tool, from a checkpoint of the training."""
    tool = runpy.run_path(
        str(repo / 'tools/analysis_tools/browse_depth_branch.py'))
    config, root = str(chain['root'] / 'mmkd.py'), chain['root']
    tool['main']([
        config,
        str(root / 'mmkd_tiny/epoch_1.pth'),
        str(tmp_path), '--frames', '1', '--score', '0'
    ])
    assert capsys.readouterr().out.strip().endswith('000001.png')
    assert read_image(tmp_path / '000001.png', 'img').shape[2] == 3
    model = tool['load'](chain['mmkd_tiny'],
                         str(root / 'mmkd_tiny/epoch_1.pth'))
    frame = tool['frame_of'](model, samples_of(chain['mmkd_tiny'])[0], 0.)
    shown = frame.bins < frame.number
    assert shown.any() and (frame.doubt[~shown] == 0).all()
    assert 0 < frame.doubt[shown].min() <= frame.doubt.max() <= 1
    assert len(frame.true.above) == 3
    blind = samples_of(chain['mmkd_tiny'])[0]
    del blind['data_samples'].gt_depth
    with pytest.raises(ConfigError,
                       match='has no gt_depth.* and depth_target=True'):
        tool['frame_of'](model, blind, 0.)
    # Heads of mmdet3d read the scale of a picture that nobody resized.
    steps = [
        dict(type='mmxkd.RandomFlip3D'),
        dict(type='mmxkd.Pack3DDetInputs')
    ]
    assert [s['type'] for s in tool['plain_test'](steps)
            ] == ['mmxkd.Resize', 'mmxkd.Pack3DDetInputs']
    export = tmp_path / 'student.pth'
    export_student(config, str(root / 'mmkd_tiny/epoch_1.pth'), export)
    with pytest.raises(CheckpointError, match='holds no distiller'):
        tool['load'](chain['mmkd_tiny'], str(export))


def test_narrowing_the_configs_is_all_that_this_test_changes(repo):
    """The shipped tiny model is the same but for its widths."""
    from mmengine.config import Config
    cfg = Config.fromfile(repo / 'configs/monommkd/student_tiny.py').model
    before = copy.deepcopy(cfg)
    narrow(cfg)
    assert set(cfg.bbox_head) == set(before.bbox_head)
    assert cfg.bbox_head.type == 'mmxkd.MonoRoIHead'
