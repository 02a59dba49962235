"""The shipped configs against the numbers of the CMKD paper's code."""
import cv2
import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import (
    DATASETS,
    PARAM_SCHEDULERS,
    TRANSFORMS,
)

pytestmark = pytest.mark.usefixtures('mmdet_scope')

IMAGENET_BLUE = (103.53, 57.375)


def load(repo, name):
    return Config.fromfile(repo / f'configs/cmkd/{name}.py')


@pytest.mark.parametrize(
    'name, channels, trainable',
    [
        # torchvision's own counts, less the background's box deltas.
        ('fog_baseline', 3, 41_299_161 - 4_100),
        ('fog_teacher', 6, 41_308_569 - 4_100),
    ])
def test_full_models(repo, name, channels, trainable):
    model = MODELS.build(load(repo, name).model)
    assert model.backbone.conv1.weight.shape == (64, channels, 7, 7)
    counted = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert counted == trainable
    mean = model.data_preprocessor.mean.flatten().tolist()
    std = model.data_preprocessor.std.flatten().tolist()
    assert mean[3:] == pytest.approx([IMAGENET_BLUE[0]] * (channels - 3))
    assert std[3:] == pytest.approx([IMAGENET_BLUE[1]] * (channels - 3))

    model.train()
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(norms) == 53
    for norm in norms:
        assert norm.eps == 0 and not norm.training
        assert not norm.weight.requires_grad


def learning_rates(cfg, iters_per_epoch, epochs):
    """The rate that each iteration uses, one list an epoch."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    wrapper = OptimWrapper(
        torch.optim.SGD([parameter], lr=cfg.optim_wrapper.optimizer.lr))
    schedulers = [
        PARAM_SCHEDULERS.build(
            s, default_args=dict(optimizer=wrapper,
                                 epoch_length=iters_per_epoch))
        for s in cfg.param_scheduler
    ]
    rates = []
    for _ in range(epochs):
        epoch = []
        for _ in range(iters_per_epoch):
            epoch.append(wrapper.get_lr()['lr'][0])
            parameter.grad = torch.zeros(1)
            wrapper.step()
            for scheduler in schedulers:
                if not scheduler.by_epoch:
                    scheduler.step()
        for scheduler in schedulers:
            if scheduler.by_epoch:
                scheduler.step()
        rates.append(epoch)
    return rates


def test_schedule(repo):
    rates = learning_rates(load(repo, 'fog_baseline'), 10, 12)
    assert rates[0] == pytest.approx([
        5e-6, 5.6e-4, 1.115e-3, 1.67e-3, 2.225e-3, 2.78e-3, 3.335e-3, 3.89e-3,
        4.445e-3, 5e-3
    ])
    for epoch, rate in ((1, 5e-3), (4, 5e-3), (5, 5e-4), (9, 5e-4), (10,
                                                                     5e-5)):
        assert rates[epoch] == pytest.approx([rate] * 10)


@pytest.mark.parametrize('name, spatial', [('fog_baseline', ['img']),
                                           ('fog_teacher', ['img', 'gated'])])
def test_pipelines_give_the_network_its_input(repo, tmp_path, name, spatial):
    """A frame of 1280x768 becomes 500x833 and is padded to 512x864."""
    cfg = load(repo, name)
    frame = dict(
        img_id=1, height=768, width=1280, instances=[
            dict(bbox=[100., 200., 300., 400.], bbox_label=0, ignore_flag=0)
        ])
    frame['img_path'] = str(tmp_path / 'img.png')
    frame['gated_paths'] = [str(tmp_path / f'{n}.png') for n in range(3)]
    cv2.imwrite(frame['img_path'], np.full((768, 1280, 3), 200, np.uint8))
    for path in frame['gated_paths']:
        cv2.imwrite(path, np.full((768, 1280), 100, np.uint8))
    view = MODELS.build(cfg.model.data_preprocessor)
    for loader in (cfg.train_dataloader, cfg.val_dataloader,
                   cfg.test_dataloader):
        sample = dict(frame)
        for step in loader.dataset.pipeline:
            sample = TRANSFORMS.build(step)(sample)
        inputs = sample['inputs']
        batch = ({key: [value] for key, value in inputs.items()} if isinstance(
            inputs, dict) else [inputs])
        out = view(dict(inputs=batch, data_samples=[sample['data_samples']]))
        assert out['inputs'].shape == (1, 3 * len(spatial), 512, 864)
        assert out['data_samples'][0].batch_input_shape == (512, 864)
    # The training pipeline scales the boxes, and evaluation scales back.
    assert sample['data_samples'].scale_factor == (833 / 1280, 500 / 768)


def test_all_four_use_one_detector_and_schedule(repo):
    baseline = load(repo, 'fog_baseline')
    for name in ('fog_teacher', 'fog_mse', 'fog_adv'):
        cfg = load(repo, name)
        for key in ('optim_wrapper', 'param_scheduler', 'train_cfg',
                    'default_hooks', 'load_from', 'val_evaluator'):
            assert cfg[key] == baseline[key], (name, key)
    for name in ('fog_mse', 'fog_adv'):
        cfg = load(repo, name)
        assert cfg.model.student == baseline.model
        # A student is trained beside its teacher and tested without it.
        assert cfg.train_dataloader.dataset.pipeline == load(
            repo, 'fog_teacher').train_dataloader.dataset.pipeline
        assert cfg.test_dataloader == baseline.test_dataloader


def test_student_is_read_by_mmdets_inferencer(repo, tmp_path):
    """Which looks for a loader called LoadImageFromFile in the config."""
    path = str(tmp_path / 'img.png')
    cv2.imwrite(path, np.full((192, 320, 3), 200, np.uint8))
    inferencer = DetInferencer(str(repo / 'configs/cmkd/fog_baseline_tiny.py'),
                               device='cpu')
    found = inferencer(path, no_save_vis=True)['predictions'][0]
    assert len(found['scores']) == len(found['bboxes'])


def test_datasets_keep_empty_frames(repo):
    cfg = load(repo, 'fog_baseline').train_dataloader.dataset
    dataset = DATASETS.build(dict(cfg, lazy_init=True, pipeline=[]))
    assert dataset.filter_cfg is None and not dataset.test_mode
    assert dataset.metainfo['classes'] == ('pedestrian', )
