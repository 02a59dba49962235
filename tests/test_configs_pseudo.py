"""The configs of unlabelled frames, from the drawn files to a step."""
import importlib.util
import json

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmxkd.engine.label_sources import source_of
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.registry import DATASETS, MODELS


def command(repo, name):
    path = repo / f'tools/dataset_converters/{name}.py'
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture(scope='module')
def data(repo, tmp_path_factory):
    """Six frames and four unlabelled ones; the teacher labels all but the
    last, with the truth.
    """
    root = tmp_path_factory.mktemp('fog')
    command(repo, 'synthetic_stf')([
        str(root / 'raw'), '--frames', '6', '--unlabelled', '4', '--split',
        '.66,.17,.17', '--gated', 'rect8', '--num-workers', '1'
    ])
    command(repo, 'stf')([
        str(root / 'raw'),
        str(root / 'data'), '--train', 'train', '--val', 'val', '--test',
        'test', '--unlabelled', 'unlabelled', '--keep-truth', '--num-workers',
        '1'
    ])
    labels = root / 'data/annotations'
    pseudo = json.loads((labels / 'unlabelled_truth.json').read_text())
    for number, box in enumerate(pseudo['annotations']):
        box['score'] = 0.5 + 0.01 * number
    pseudo['info'] = dict(teacher=dict(config='fog_teacher_tiny.py'))
    (labels / 'pseudo.json').write_text(json.dumps(pseudo))
    return root / 'data'


def test_the_unlabelled_part_and_its_truth(data):
    found = {
        name: json.loads((data / f'annotations/{name}.json').read_text())
        for name in ('train', 'unlabelled', 'unlabelled_truth')
    }
    assert [len(c['images']) for c in found.values()] == [4, 4, 4]
    assert 'annotations' not in found['unlabelled']
    assert found['unlabelled_truth']['images'] == found['unlabelled']['images']
    assert found['unlabelled_truth']['annotations']
    names = [image['file_name'] for image in found['unlabelled']['images']]
    for image in names:
        assert (data / image).is_file()
        assert (data / image.replace('images', 'gated2')).is_file()
    others = [image['file_name'] for image in found['train']['images']]
    assert not set(names) & set(others)


def loader_and_model(repo, data, name):
    cfg = Config.fromfile(repo / f'configs/cmkd/{name}.py')
    init_default_scope(cfg.default_scope)
    # As `tools/experiment.py` moves the data of any config.
    cfg.merge_from_dict({'train_dataloader.dataset.data_root': str(data)})
    if 'teachers' in cfg.model:
        cfg.model.teachers.gated = dict(
            cfg=str(repo / 'configs/cmkd/fog_teacher_tiny.py'), random=True)
        cfg.model.distiller.labels.boxes.score_thr = 0.0
    torch.manual_seed(0)
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return loader, model.train()


@pytest.mark.parametrize('name, source', [('fog_pseudo_tiny', 'teacher'),
                                          ('fog_pseudo_live_tiny', 'gated')])
def test_batches_and_a_step(repo, data, name, source):
    loader, model = loader_and_model(repo, data, name)
    assert len(loader) == 2
    for batch in loader:
        batch = model.data_preprocessor(batch, True)
        total, logs = model.parse_losses(model(**batch, mode='loss'))
        assert torch.isfinite(total) and logs['loss_cls'] > 0
        samples = batch['data_samples']
        assert [source_of(s) for s in samples] == ['human'] * 2 + [source] * 2
        assert 'scores' not in samples[0].gt_instances
        for sample in samples[2:]:
            boxes = sample.gt_instances
            assert len(boxes.scores) == len(boxes.bboxes)


def test_the_full_config_mixes_alike(repo):
    cfgs = [
        Config.fromfile(repo / f'configs/cmkd/{name}.py')
        for name in ('fog_pseudo', 'fog_pseudo_tiny')
    ]
    for cfg in cfgs:
        human, teacher = cfg.train_dataloader.dataset.datasets
        assert cfg.train_dataloader.batch_sampler.ratio == (1, 1)
        assert human.ann_file == 'annotations/train.json'
        assert teacher.ann_file == 'annotations/pseudo.json'
        assert human.filter_cfg is teacher.filter_cfg is None
        sources = [step.get('source') for step in teacher.pipeline]
        assert sources[2] == 'teacher'
    baseline = Config.fromfile(repo / 'configs/cmkd/fog_baseline.py')
    for key in ('model', 'optim_wrapper', 'train_cfg', 'test_dataloader'):
        assert cfgs[0][key] == baseline[key]


def test_an_unlabelled_frame_without_its_slices(repo, data, monkeypatch):
    """Is left out and listed, if the config says so."""
    cfg = Config.fromfile(repo / 'configs/cmkd/fog_pseudo_live_tiny.py')
    init_default_scope(cfg.default_scope)
    part = dict(cfg.train_dataloader.dataset.datasets[1], data_root=str(data))
    said = []
    monkeypatch.setattr('mmxkd.datasets.stf_dataset.print_log',
                        lambda text, **kwargs: said.append(text))
    whole = DATASETS.build(dict(part))
    names = [whole.get_data_info(i)['frame_id'] for i in range(4)]
    slices = data / f'gated1/{names[1]}.png'
    away = slices.rename(slices.with_suffix('.away'))
    try:
        with pytest.raises(CorruptSampleError, match=f'gated1/{names[1]}'):
            pseudo_collate([DATASETS.build(dict(part))[1]])
        left = DATASETS.build(dict(part, leave_out_incomplete=True))
    finally:
        away.rename(slices)
    assert [left.get_data_info(i)['frame_id']
            for i in range(len(left))] == [names[0], *names[2:]]
    assert '1 of 4 frames are left out' in said[-1]
    assert said[-1].endswith(f': {names[1]}')
    with pytest.raises(ConfigError, match='no frame has all slices'):
        DATASETS.build(
            dict(part, leave_out_incomplete=True, gated_dirs=['nowhere']))
