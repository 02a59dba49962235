"""MM-DistillNet with tiny models, from drawn drives to numbers by sound."""
import json
from types import SimpleNamespace

import pytest
import torch
from mmdet.apis import init_detector
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmxkd.engine.labellers import FusedTeacherLabels
from mmxkd.registry import DATASETS, MODELS
from tests.helpers.sound_drives import (
    FOLDER,
    draw_drives,
    on_drives,
    student_of,
    teacher_to_learn_from,
    write_pseudo_labels,
)

CAMERAS = ('rgb', 'thermal', 'depth')
# Each student, who teaches it, and the loss that aligns it.
STUDENTS = {
    'mm_distillnet_tiny': (CAMERAS, 'loss_mta'),
    'mm_distillnet_summed_tiny': (CAMERAS, 'loss_mta'),
    'stereosoundnet_tiny': (CAMERAS[:1], 'loss_ranking'),
    'stereosoundnet_skip_tiny': (CAMERAS[:1], 'loss_ranking'),
    'boxes_tiny': (CAMERAS, None),
}
CHANNELS = dict(rgb=3, thermal=1, depth=3)


@pytest.fixture(scope='module')
def drives(repo, tmp_path_factory):
    root = draw_drives(repo, tmp_path_factory.mktemp('sound') / 'drives')
    write_pseudo_labels(root)
    return root


def trained(cfg, seed: int = 1) -> SimpleNamespace:
    """An epoch: the model, the config, and all losses of each step."""
    cfg.randomness = dict(seed=seed)
    runner = Runner.from_cfg(cfg)
    model = runner.train()
    scalars = runner.message_hub.log_scalars
    losses = {
        name.removeprefix('train/'): buffer.data[0].tolist()
        for name, buffer in scalars.items()
        if name.startswith('train/') and 'loss' in name
    }
    return SimpleNamespace(cfg=cfg, runner=runner, model=model, losses=losses)


@pytest.fixture(scope='module')
def teachers(repo, drives, tmp_path_factory):
    """Each has seen twelve frames of drives with labels."""
    folder = tmp_path_factory.mktemp('teachers')
    found = {}
    for camera in CAMERAS:
        cfg = on_drives(repo / FOLDER / f'teacher_{camera}_tiny.py', drives,
                        folder / camera)
        cfg.train_dataloader.batch_size = 4
        # A student looks for the best checkpoint in the folder.
        cfg.train_cfg.val_begin = 1
        run = trained(cfg)
        path = teacher_to_learn_from(cfg, folder / f'{camera}.py')
        found[camera] = SimpleNamespace(run=run, where=(path, folder / camera))
    return found


@pytest.mark.parametrize('camera', CAMERAS)
def test_a_teacher_sees_its_camera_and_learns(teachers, camera):
    run = teachers[camera].run
    assert tuple(run.cfg.train_dataloader.dataset.cameras) == (camera, )
    assert run.model.backbone.conv1.weight.shape[1] == CHANNELS[camera]
    # Its batch norms train: what starts from nothing needs them.
    assert run.model.backbone.bn1.running_mean.any()
    assert set(run.losses) == {'loss', 'loss_cls', 'loss_bbox'}
    for values in run.losses.values():
        assert len(values) == 3 and all(v > 0 for v in values)


@pytest.fixture(scope='module', params=STUDENTS)
def student(request, repo, drives, teachers, tmp_path_factory):
    """A trained student, and the samples that it learned from."""
    cfg = student_of(repo / FOLDER / f'{request.param}.py', drives,
                     tmp_path_factory.mktemp('student'),
                     {c: teachers[c].where for c in CAMERAS})
    samples, label = [], FusedTeacherLabels.label

    def noted(self, batch, *found):
        label(self, batch, *found)
        samples.extend(s.clone() for s in batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FusedTeacherLabels, 'label', noted)
        run = trained(cfg)
    run.samples = samples
    run.teachers, run.loss = STUDENTS[request.param]
    return run


def test_labels_are_the_teachers(student, drives):
    """Of all frames of a list that has no boxes at all."""
    ann_file = student.cfg.train_dataloader.dataset.ann_file
    index = json.loads((drives / ann_file).read_text())
    assert 'annotations' not in index
    assert sorted(s.frame_id for s in student.samples) == sorted(
        image['frame_id'] for image in index['images'])
    source = 'teacher' if len(student.teachers) > 1 else 'rgb'
    for sample in student.samples:
        assert sample.labelled is False and sample.label_source == source
        # Three of each teacher, fused.
        boxes = sample.gt_instances
        assert 0 < len(boxes) <= 3 * len(student.teachers)
        assert len(boxes.scores) == len(boxes)
    assert sum(len(s.gt_instances) for s in student.samples) > 12


def test_batch_norms_train(student):
    for layer in (student.model.student.backbone.backbone.bn1,
                  student.model.student.neck[0].project[1]):
        assert layer.running_mean.any()


def test_losses_are_logged(student):
    own = {'loss', 'loss_cls', 'loss_bbox'}
    distilled = {n for n in student.losses if n.startswith('distill/')}
    assert {n for n in distilled if '/loss' in n
            } == ({f'distill/{student.loss}'} if student.loss else set())
    assert own <= set(student.losses)
    for name in own | distilled:
        values = student.losses[name]
        assert len(values) == 3
        assert all(0 < v < float('inf') for v in values), name
    total = [
        sum(values) for values in zip(
            *(student.losses[n] for n in (own | distilled) - {'loss'}
              if '/raw' not in n), strict=True)
    ]
    assert student.losses['loss'] == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize(
    'student', [name for name, (_, loss) in STUDENTS.items() if loss],
    indirect=True)
def test_the_alignment_moves_what_hears(student):
    """From the pyramid down to the first convolution."""
    init_default_scope('mmdet')
    loader = Runner.build_dataloader(student.cfg.train_dataloader, seed=0)
    model = student.model.train()
    model.zero_grad()
    batch = model.data_preprocessor(next(iter(loader)), True)
    losses = model(**batch, mode='loss')
    losses[f'distill/{student.loss}'].backward()
    net = model.student
    for layer in (net.backbone.backbone.conv1, net.neck[0].project[0],
                  net.neck[1]):
        gradients = [p.grad for p in layer.parameters() if p.grad is not None]
        assert sum(g.abs().sum() for g in gradients) > 0
        assert all(g.isfinite().all() for g in gradients)
    # It is not of the boxes, and the teachers stay as they are.
    assert all(p.grad is None for p in net.bbox_head.parameters())
    for teacher in model.teachers.values():
        assert all(p.grad is None for p in teacher.model.parameters())


def test_the_checkpoint_is_a_plain_detector(student, repo, drives):
    """What mmdet's users do with it, at home with sound alone."""
    path = f'{student.cfg.work_dir}/epoch_1.pth'
    weights = torch.load(path, weights_only=True)['state_dict']
    plain = on_drives(repo / FOLDER / 'sound_tiny.py', drives, 'unused')
    detector = init_detector(plain, path, device='cpu')
    # There are neither teachers nor parts of the distiller.
    assert weights.keys() == detector.state_dict().keys()
    for name, value in detector.state_dict().items():
        assert torch.equal(value, weights[name]), name
    assert detector.dataset_meta['classes'] == ('car', )
    dataset = DATASETS.build(plain.test_dataloader.dataset)
    item = dataset[0]
    assert list(item['inputs']) == ['spectrogram']
    data = dict(inputs=dict(spectrogram=[item['inputs']['spectrogram']]),
                data_samples=[item['data_samples']])
    detector.test_cfg.score_thr = 0.
    with torch.no_grad():
        (found, ) = detector.test_step(data)
    boxes = found.pred_instances.bboxes
    assert 0 < len(boxes) <= 50
    limit = torch.tensor([320., 128.] * 2)
    assert ((boxes >= 0) & (boxes <= limit)).all()


@pytest.mark.parametrize('student', ['mm_distillnet_tiny'], indirect=True)
def test_three_kinds_of_numbers(student):
    """Those of the method, COCO's, and tracks; by day and by night."""
    found = student.runner.test()
    parts = {'', 'day_', 'night_'}
    assert {
        f'sound/{part}{name}' for part in parts
        for name in ('AP', 'AP50', 'AP75', 'CDx', 'CDy')
    } <= set(found)
    assert {'coco/bbox_mAP', 'coco/bbox_mAP_50'} <= set(found)
    assert {
        f'track/{part}{name}' for part in parts
        for name in ('MOTA', 'MOTP', 'IDF1')
    } <= set(found)


@pytest.mark.parametrize('name', ['sound_tiny', 'faster-rcnn_sound_tiny'])
def test_boxes_from_a_file_teach_too(repo, drives, tmp_path, name):
    cfg = on_drives(repo / FOLDER / f'{name}.py', drives, tmp_path)
    cfg.train_dataloader.batch_size = 4
    run = trained(cfg)
    names = {n for n in run.losses if n != 'loss'}
    assert names == ({'loss_cls', 'loss_bbox'} if name == 'sound_tiny' else {
        'loss_cls', 'loss_bbox', 'loss_rpn_cls', 'loss_rpn_bbox'
    })
    # A frame has no box and stays, since filter_cfg is None.
    assert len(run.runner.train_dataloader.dataset) == 12
    assert all(len(v) == 3 and v[0] > 0 for v in run.losses.values())
    assert 'sound/AP50' in run.runner.val_loop.run()


def test_three_teachers_write_labels(repo, drives, teachers, run_python,
                                     tmp_path):
    """As docs/mm_distillnet.md says; sound_tiny.py can learn from the file."""
    (rgb, *others) = (teachers[c].where for c in CAMERAS)
    best = {
        path: next(folder.glob('best_*.pth'))
        for path, folder in (rgb, *others)
    }
    out = tmp_path / 'pseudo.json'
    more = [w for path, _ in others for w in ('--teacher', path, best[path])]
    run_python(repo / 'tools/label.py', rgb[0], best[rgb[0]], *more,
               '--fusion', 'nms', '--fusion-iou', '0.5', '--score-thr', '0',
               '--data', drives, '--ann', 'annotations/train.json', '--out',
               out, '--work-dir', tmp_path / 'logs')
    content = json.loads(out.read_text())
    index = json.loads((drives / 'annotations/train.json').read_text())
    assert content['images'] == index['images']
    assert len(content['info']['teacher']['fused_with']) == 2
    cfg = on_drives(repo / FOLDER / 'sound_tiny.py', drives, tmp_path)
    init_default_scope('mmdet')
    dataset = DATASETS.build(
        dict(cfg.train_dataloader.dataset, ann_file=str(out)))
    count = sum(len(item['data_samples'].gt_instances) for item in dataset)
    assert count == len(content['annotations']) > 12


def d2(repo, root, path, name) -> Config:
    """With maps of 256 pixels in place of 768, and sound of 16 kHz."""
    cfg = Config.fromfile(repo / FOLDER / f'{name}.py')
    path.write_text(
        cfg.pretty_text.replace('768', '256').replace('384', '128').replace(
            "holds='waveform'", "holds='waveform', sample_rate=16000").replace(
                "type='mmxkd.LogMelSpectrogram'",
                "type='mmxkd.LogMelSpectrogram', sample_rate=16000"))
    cfg = Config.fromfile(path)
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.dataset.data_root = str(root)
    return cfg


@pytest.mark.parametrize('name', [
    'mm_distillnet_d2', 'mm_distillnet_summed_d2', 'stereosoundnet_d2',
    'sound_d2', 'teacher_rgb', 'teacher_thermal', 'teacher_depth'
])
def test_a_step_of_a_large_config(repo, drives, tmp_path, name):
    """Every weight gets a finite gradient."""
    cfg = d2(repo, drives, tmp_path / 'short.py', name)
    distilled = cfg.model.type == 'mmxkd.CrossModalDistill'
    if distilled:
        for teacher in cfg.model.teachers.values():
            model = Config.fromfile(repo / teacher.pop('cfg')).model
            model.test_cfg.update(score_thr=0., max_per_img=3)
            teacher.update(cfg=model, checkpoint=None, random=True)
        for part in cfg.model.distiller.labels.boxes.teachers.values():
            part.score_thr = 0.
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    batch = model.train().data_preprocessor(next(iter(loader)), True)
    losses = model(**batch, mode='loss')
    total, logs = model.parse_losses(losses)
    total.backward()
    assert total.isfinite() and len(batch['data_samples']) == 2
    for sample in batch['data_samples']:
        assert sample.batch_input_shape == (128, 256)
    if distilled:
        (aligned, ) = (n for n in logs if n.startswith('distill/loss'))
        assert logs[aligned] > 0
        assert all(len(s.gt_instances) for s in batch['data_samples'])
    for part, parameter in model.named_parameters():
        assert parameter.grad is not None, part
        assert parameter.grad.isfinite().all(), part
