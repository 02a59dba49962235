"""The shipped SSD configs: recipe, pipelines, and one run end to end."""
import cv2
import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer, inference_detector, init_detector
from mmengine.config import Config
from mmengine.registry import TRANSFORMS

from mmxkd.registry import DATASETS, MODELS
from mmxkd.synthetic import VocSettings, write_voc_dataset

pytestmark = pytest.mark.usefixtures('mmdet_scope')

FULL = ('vgg16-ssd_voc', 'mb2-ssdlite_voc', 'mb2-ssdlite_kd_voc')


def load(repo, name):
    return Config.fromfile(repo / f'configs/ssd_kd/{name}.py')


def test_students_differ_in_their_teacher_alone(repo):
    for suffix in ('', '_tiny'):
        alone = load(repo, f'mb2-ssdlite_voc{suffix}')
        taught = load(repo, f'mb2-ssdlite_kd_voc{suffix}')
        assert taught.model.student == alone.model
        for key in alone:
            if key != 'model':
                assert taught[key] == alone[key], key


def test_tiny_ones_are_guarded_as_large_ones(repo):
    for path in (repo / 'configs/ssd_kd').glob('*.py'):
        hooks = {h['type'] for h in load(repo, path.stem).custom_hooks}
        assert {'mmxkd.EpochSeedHook', 'mmxkd.LoneSampleGuardHook'} <= hooks


def test_published_recipe(repo):
    cfg = load(repo, 'mb2-ssdlite_kd_voc')
    assert dict(cfg.optim_wrapper.optimizer) == dict(type='SGD', lr=1e-4,
                                                     momentum=.9,
                                                     weight_decay=5e-4)
    assert cfg.train_cfg.max_epochs == 70
    assert cfg.auto_scale_lr.base_batch_size == 64
    (loss, ) = cfg.model.distiller.losses.values()
    assert (loss.mu, loss.nu, loss.margin, loss.temperature,
            loss.background_weight, loss.logit_hint,
            loss.bound) == (.5, .5, 0, 1, 1.5, .5, 'batch')
    assert load(repo, 'vgg16-ssd_voc').optim_wrapper.optimizer.lr == 1e-3


@pytest.mark.parametrize('name', FULL[:2])
def test_pipelines_give_the_network_its_input(repo, tmp_path, name):
    cfg = load(repo, name)
    path = str(tmp_path / 'a.jpg')
    picture = np.full((120, 200, 3), (255, 127, 0), np.uint8)
    cv2.imwrite(path, picture)
    frame = dict(
        img_path=path, img_id='a', height=120, width=200, instances=[
            dict(bbox=[20., 30., 120., 90.], bbox_label=3, ignore_flag=0),
            dict(bbox=[0., 0., 9., 9.], bbox_label=3, ignore_flag=1)
        ])
    view = MODELS.build(cfg.model.data_preprocessor)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        sample = dict(frame)
        for step in loader.dataset.pipeline:
            sample = TRANSFORMS.build(step)(sample)
        assert sample['inputs'].shape == (3, 300, 300)
        out = view(
            dict(inputs=[sample['inputs']],
                 data_samples=[sample['data_samples']]))
        assert out['inputs'].shape == (1, 3, 300, 300)
    # Of the last, the test pipeline's: red, green, blue; boxes of the file.
    colour = out['inputs'][0, :, 150, 150]
    assert colour.tolist() == pytest.approx([-127 / 128, 0, 1], abs=.03)
    truth = sample['data_samples'].gt_instances.bboxes
    assert getattr(truth, 'tensor', truth).tolist() == [[20, 30, 120, 90]]
    assert len(sample['data_samples'].ignored_instances) == 1


def test_tiny_data_and_heads_have_the_same_classes(repo):
    for name in FULL[:2]:
        cfg = load(repo, f'{name}_tiny')
        data = DATASETS.build(
            dict(cfg.train_dataloader.dataset, lazy_init=True))
        assert (cfg.model.bbox_head.num_classes == len(
            data.metainfo['classes']) == len(data.metainfo['palette']) == 3)


def test_mmdets_inferencer_reads_the_config(repo, tmp_path):
    path = str(tmp_path / 'img.jpg')
    cv2.imwrite(path, np.full((90, 120, 3), 200, np.uint8))
    inferencer = DetInferencer(
        str(repo / 'configs/ssd_kd/mb2-ssdlite_voc_tiny.py'), device='cpu')
    found = inferencer(path, no_save_vis=True)['predictions'][0]
    assert len(found['scores']) == len(found['bboxes'])


@pytest.mark.slow
def test_two_stages_end_to_end(repo, run_python, tmp_path):
    """Draw, train the teacher, distil, load the plain student.

    A few pictures and an eighth of the channels: whether all fits together.
    """
    write_voc_dataset(tmp_path / 'voc', VocSettings(4, 2, scale=.25))
    narrow = [
        'model.backbone.width=0.125', 'model.neck.in_channels=(128,)',
        'model.neck.out_channels=(128,32,32,32,32,32)',
        'model.bbox_head.in_channels=(128,32,32,32,32,32)'
    ]
    data = [
        f'{split}_dataloader.dataset.data_root={tmp_path}/voc'
        for split in ('train', 'val', 'test')
    ] + [
        'train_dataloader.batch_size=2', 'train_cfg.max_epochs=1',
        'train_cfg.val_interval=1'
    ]

    def train(name, *options):
        done = run_python(repo / 'tools/train.py',
                          repo / f'configs/ssd_kd/{name}.py', '--work-dir',
                          tmp_path / name, '--cfg-options', *data, *options)
        assert 'pascal_voc/mAP' in done.stdout + done.stderr
        return done.stdout + done.stderr

    train('vgg16-ssd_voc_tiny', *narrow)
    teacher = tmp_path / 'teacher.py'
    teacher.write_text(
        f'_base_ = {str(repo / "configs/ssd_kd/vgg16-ssd_voc_tiny.py")!r}\n'
        'model = dict(backbone=dict(width=0.125), neck=dict(in_channels=(128,'
        '), out_channels=(128, 32, 32, 32, 32, 32)), bbox_head=dict('
        'in_channels=(128, 32, 32, 32, 32, 32)))\n')
    name = 'mb2-ssdlite_kd_voc_tiny'
    log = train(
        name, f'model.teachers.vgg.cfg={teacher}',
        'model.teachers.vgg.checkpoint='
        f'{tmp_path}/vgg16-ssd_voc_tiny/epoch_1.pth',
        'default_hooks.logger.interval=1')
    for term in ('loss_cls', 'loss_bbox', 'loss_chen', 'distill/chen_soft',
                 'distill/chen_bound', 'distill/chen_hint'):
        assert f'{term}: ' in log, term
    assert 'nan' not in log.split('loss_cls: ', 1)[1]
    # Stopped after its first epoch and resumed, it ends at the same weights.
    runs = [tmp_path / 'whole', tmp_path / 'resumed']
    for work_dir in runs:
        more = ['--work-dir', work_dir]
        if work_dir.name == 'resumed':
            work_dir.mkdir()
            (work_dir / 'epoch_1.pth').write_bytes(
                (runs[0] / 'epoch_1.pth').read_bytes())
            (work_dir / 'last_checkpoint').write_text('epoch_1.pth')
            more += ['--resume']
        run_python(
            repo / 'tools/train.py', repo / f'configs/ssd_kd/{name}.py', *more,
            '--cfg-options', *data, f'model.teachers.vgg.cfg={teacher}',
            'model.teachers.vgg.checkpoint='
            f'{tmp_path}/vgg16-ssd_voc_tiny/epoch_1.pth',
            'train_cfg.max_epochs=2', 'train_cfg.val_interval=2',
            'default_hooks.checkpoint.max_keep_ckpts=3')
    whole, resumed = (torch.load(work_dir / 'epoch_2.pth',
                                 weights_only=True)['state_dict']
                      for work_dir in runs)
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    # The checkpoint is the plain student's, for mmdet's own functions too.
    checkpoint = tmp_path / name / 'epoch_1.pth'
    state = torch.load(checkpoint, weights_only=True)['state_dict']
    student = MODELS.build(load(repo, 'mb2-ssdlite_voc_tiny').model)
    student.load_state_dict(state)
    model = init_detector(str(repo / 'configs/ssd_kd/mb2-ssdlite_voc_tiny.py'),
                          str(checkpoint), device='cpu')
    found = inference_detector(
        model, str(tmp_path / 'voc/VOC2007/JPEGImages/000004.jpg'))
    assert len(found.pred_instances.scores) > 0
    assert model.dataset_meta['classes'] == ('bicycle', 'car', 'person')


@pytest.mark.parametrize('name', [
    *(f'ssd_kd/{name}' for name in FULL), 'fine_grained/faster-rcnn_vgg16_voc',
    'fine_grained/faster-rcnn_vgg11_voc',
    'fine_grained/faster-rcnn_vgg11_imitation_voc'
])
def test_nothing_is_chosen_on_the_test_pictures(repo, name):
    """Validation has the same ones: the last epoch alone is evaluated."""
    cfg = Config.fromfile(repo / f'configs/{name}.py')
    assert cfg.val_dataloader.dataset.splits == ['VOC2007/test']
    assert cfg.train_cfg.val_interval == cfg.train_cfg.max_epochs
