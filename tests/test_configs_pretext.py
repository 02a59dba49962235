"""The pretext task, from drawn drives to a detector that starts from it."""
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmxkd.errors import ConfigError
from mmxkd.models.counters import counts_of
from mmxkd.registry import MODELS
from tests.helpers.detectors import narrow
from tests.helpers.sound_drives import (
    FOLDER,
    draw_drives,
    on_drives,
    write_pseudo_labels,
)


@pytest.fixture(scope='module')
def drives(repo, tmp_path_factory):
    """Twelve frames to train on, by the commands of the page; and counts."""
    root = draw_drives(repo, tmp_path_factory.mktemp('pretext') / 'drives')
    return root, write_pseudo_labels(root)


def tiny(repo, root, work_dir) -> Config:
    return on_drives(repo / FOLDER / 'pretext_tiny.py', root, work_dir)


@pytest.fixture(scope='module')
def counter(repo, drives, tmp_path_factory):
    """A trained epoch: the checkpoint, the model and what was measured."""
    cfg = tiny(repo, drives[0], tmp_path_factory.mktemp('counter'))
    runner = Runner.from_cfg(cfg)
    model = runner.train()
    found = runner.val_loop.run()
    return f'{cfg.work_dir}/epoch_1.pth', model, found


def test_the_tiny_counter_trains_and_is_measured(counter):
    path, model, found = counter
    names = {'accuracy', 'most_frequent', 'mean_absolute_error'}
    assert set(found) == {
        f'count/{part}{name}' for part in ('', 'day_', 'night_')
        for name in names
    }
    assert 0 <= found['count/accuracy'] <= 100
    # Both parts have as many frames.
    assert found['count/accuracy'] == pytest.approx(
        (found['count/day_accuracy'] + found['count/night_accuracy']) / 2)
    # Loudness at each microphone, and two maps of phases.
    assert model.backbone.backbone.conv1.weight.shape == (16, 24, 7, 7)


class Start(Hook):
    """Keeps the weights with which training starts."""
    priority = 'VERY_LOW'

    def before_train(self, runner) -> None:
        self.weights = {
            k: v.clone() for k, v in runner.model.state_dict().items()
        }


def student(repo, root, work_dir, load_from, **backbone) -> Runner:
    """A detector that hears by the same backbone, on the same frames."""
    cfg = tiny(repo, root, work_dir)
    preprocessor, ears = cfg.model.data_preprocessor, cfg.model.backbone
    cfg.model = narrow('retinanet')
    cfg.model.data_preprocessor = preprocessor
    cfg.model.backbone = dict(ears, frame=(128, 320), strides=[8, 16, 32],
                              **backbone)
    cfg.model.neck.update(in_channels=[32, 64, 128], start_level=0)
    cfg.train_dataloader.batch_size = 4
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.load_from = load_from
    cfg.custom_hooks.append(dict(type='mmxkd.PartsInitHook'))
    return Runner.from_cfg(cfg)


def test_a_detector_starts_from_the_counter(repo, drives, counter, tmp_path):
    """Every tensor of the backbone, running statistics too; then it
    trains.
    """
    path, model, _ = counter
    runner, start = student(repo, drives[0], tmp_path, path), Start()
    runner.register_hook(start)
    trained = runner.train()
    backbone = model.backbone.state_dict()
    taken = {
        k.removeprefix('backbone.'): v for k, v in start.weights.items()
        if k.startswith('backbone.')
    }
    assert taken.keys() == backbone.keys() and len(taken) > 100
    for name, value in backbone.items():
        assert torch.equal(taken[name], value), name
    stem = trained.backbone.backbone.conv1.weight
    assert stem.isfinite().all()
    assert not torch.equal(stem, taken['backbone.conv1.weight'])


def test_another_backbone_does_not_start_from_it(repo, drives, counter,
                                                 tmp_path):
    runner = student(repo, drives[0], tmp_path, counter[0], in_channels=4)
    with pytest.raises(
            ConfigError, match=r'backbone.backbone.conv1.weight '
            r'\(16, 24, 7, 7\) in the file, \(16, 4, 7, 7\) in the model'):
        runner.train()


def d2(repo, root, tmp_path) -> Config:
    """With maps of 128 pixels in place of 768, and sound of 16 kHz."""
    cfg = Config.fromfile(repo / FOLDER / 'pretext_d2.py')
    text = cfg.pretty_text.replace('768', '128').replace(
        "holds='waveform'", "holds='waveform', sample_rate=16000").replace(
            "type='mmxkd.LogMelSpectrogram'",
            "type='mmxkd.LogMelSpectrogram', sample_rate=16000")
    path = tmp_path / 'short.py'
    path.write_text(text)
    cfg = Config.fromfile(path)
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.dataset.data_root = str(root)
    return cfg


def steps(cfg) -> tuple:
    """The loader, and a model whose every step is checked."""
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return loader, model.train()


def check_step(model, batch) -> None:
    assert set(batch['inputs']) == {'spectrogram'}
    batch = model.data_preprocessor(batch, True)
    total, logs = model.parse_losses(model(**batch, mode='loss'))
    total.backward()
    assert total.isfinite() and logs['loss_count'] == total
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert model.head[0].weight.grad.any()


def test_a_step_of_the_large_config(repo, drives, tmp_path):
    root, _ = drives
    cfg = d2(repo, root, tmp_path)
    loader, model = steps(cfg)
    batch = next(iter(loader))
    assert batch['inputs']['spectrogram'][0].shape[:2] == (8, 80)
    check_step(model, batch)
    # The student's backbone has the same names and shapes.
    base = Config.fromfile(repo / 'configs/_base_/models/efficientdet_d2.py')
    base.model.backbone.in_channels = 8
    base.model.data_preprocessor = cfg.model.data_preprocessor
    detector = MODELS.build(base.model)
    assert {k: v.shape for k, v in model.backbone.state_dict().items()} == {
        k: v.shape for k, v in detector.backbone.state_dict().items()
    }


def test_labels_are_the_numbers_of_the_teachers_boxes(repo, drives, tmp_path):
    """Frames without boxes are there too."""
    root, counts = drives
    cfg = tiny(repo, root, tmp_path)
    loader, model = steps(cfg)
    found = {}
    for batch in loader:
        samples = batch['data_samples']
        for sample, count in zip(samples, counts_of(samples), strict=True):
            found[sample.frame_id] = count
    assert found == counts
    assert min(found.values()) == 0 < max(found.values())
    check_step(model, batch)


def test_a_list_of_unlabelled_frames_is_refused(repo, drives, tmp_path):
    """It would teach that there is never a vehicle."""
    cfg = tiny(repo, drives[0], tmp_path)
    cfg.train_dataloader.dataset.update(ann_file='annotations/train.json',
                                        unlabelled=True)
    loader, model = steps(cfg)
    batch = model.data_preprocessor(next(iter(loader)), True)
    with pytest.raises(ConfigError, match='nobody has labelled it'):
        model(**batch, mode='loss')
