"""The configs of blood cells and of streets, from the files to a step."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmxkd.engine.label_sources import source_of
from mmxkd.io.atomic import write_json
from mmxkd.io.text import read_json
from mmxkd.registry import MODELS
from tests.helpers.commands import load_tool

ARMS = ('baseline', 'teacher', 'pseudo', 'all_labelled')


def write_cells(root) -> None:
    """Ten pictures with a disc each, in VOC's form."""
    rng = np.random.default_rng(0)
    for folder in ('JPEGImages', 'Annotations', 'ImageSets/Main'):
        (root / folder).mkdir(parents=True)
    names = [f'p{k}' for k in range(10)]
    for name in names:
        picture = np.full((480, 640, 3), 190, np.uint8)
        x, y = rng.integers(100, 350, 2).tolist()
        cv2.circle(picture, (x, y), 50, (150, 120, 180), -1)
        cv2.imwrite(str(root / f'JPEGImages/{name}.jpg'), picture)
        (root / f'Annotations/{name}.xml').write_text(
            '<annotation><object><name>RBC</name><bndbox>'
            f'<xmin>{x - 50}</xmin><ymin>{y - 50}</ymin><xmax>{x + 50}</xmax>'
            f'<ymax>{y + 50}</ymax></bndbox></object></annotation>')
    for split, members in (('train', names[:8]), ('val', names[8:9]),
                           ('test', names[9:])):
        (root / f'ImageSets/Main/{split}.txt').write_text('\n'.join(members))


@pytest.fixture(scope='module')
def data(repo, tmp_path_factory):
    """Both worlds by the commands of their pages, four labelled frames of
    eight; the teacher's boxes are the truth.
    """
    root = tmp_path_factory.mktemp('worlds')
    tools = {
        name: load_tool(repo / f'tools/dataset_converters/{name}.py').main
        for name in ('voc', 'synthetic_kitti', 'kitti', 'kitti_coco')
    }
    write_cells(root / 'voc')
    tools['voc']([
        str(root / 'voc'),
        str(root / 'bccd'), '--classes', 'RBC', 'WBC', 'Platelets',
        '--labelled', '4'
    ])
    streets = str(root / 'streets')
    tools['synthetic_kitti']([
        streets, '--train', '8', '--val', '2', '--azimuth-step', '1',
        '--num-workers', '1'
    ])
    tools['kitti']([streets, '--depth', '--num-workers', '1'])
    tools['kitti_coco']([streets, '--labelled', '4'])
    for world in ('bccd', 'streets'):
        folder = root / world / 'annotations'
        labels = read_json(folder / 'unlabelled_truth.json', 'labels')
        labels['annotations'] = [
            dict(box, score=0.8) for box in labels['annotations']
            if not box['iscrowd']
        ]
        labels['info'] = dict(teacher=dict(config='teacher.py'))
        write_json(folder / 'pseudo.json', labels)
    return root


def config_of(repo, world, arm) -> Config:
    cfg = Config.fromfile(repo / f'configs/{world}/{world}_{arm}_tiny.py')
    init_default_scope(cfg.default_scope)
    return cfg


@pytest.mark.parametrize('arm', ARMS)
@pytest.mark.parametrize('world, second', [('bccd', 'clean'),
                                           ('streets', 'depth')])
def test_batches_and_a_step(repo, data, world, second, arm):
    cfg = config_of(repo, world, arm)
    cfg.merge_from_dict(
        {'train_dataloader.dataset.data_root': str(data / world)})
    torch.manual_seed(0)
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    # Four labelled frames, alone or two in a batch.
    mixed = arm in ('pseudo', 'all_labelled')
    assert len(loader) == (2 if mixed else 1)
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.train()
    for batch in loader:
        assert set(batch['inputs']) == {'img', second
                                        } if (arm == 'teacher') else {'img'}
        batch = model.data_preprocessor(batch, True)
        total, logs = model.parse_losses(model(**batch, mode='loss'))
        total.backward()
        assert torch.isfinite(total) and logs['loss_cls'] > 0
        if mixed:
            last = 'teacher' if arm == 'pseudo' else 'human'
            assert [source_of(s) for s in batch['data_samples']
                    ] == ['human'] * 2 + [last] * 2
    stem = model.backbone.conv1.weight
    assert stem.shape[1] == (dict(clean=6, depth=4)[second] if arm == 'teacher'
                             else 3)
    # What only the teacher sees teaches it.
    assert (stem.grad.abs().sum((0, 2, 3)) > 0).all()


@pytest.mark.parametrize('world', ['bccd', 'streets'])
def test_arms_differ_in_what_they_are_to_compare_alone(repo, world):
    """Same model, same rate; as many iterations for 60 labelled frames."""
    cfgs = {arm: config_of(repo, world, arm) for arm in ARMS}
    baseline = cfgs['baseline']
    for arm, cfg in cfgs.items():
        assert cfg.optim_wrapper == baseline.optim_wrapper
        assert cfg.model.roi_head == baseline.model.roi_head
        epochs = cfg.train_cfg.max_epochs
        assert cfg.param_scheduler[1].T_max == epochs
        per_batch = 2 if arm in ('pseudo', 'all_labelled') else 4
        assert epochs * 60 / per_batch == 360
    for arm in ('pseudo', 'all_labelled'):
        assert cfgs[arm].model == baseline.model
        assert cfgs[arm].test_dataloader == baseline.test_dataloader


def test_a_cell_is_as_dark_in_training_as_in_testing(repo, data):
    """Its numbers hang on its name alone."""
    from mmxkd.registry import DATASETS
    cfg = config_of(repo, 'bccd', 'teacher')
    train, test = (DATASETS.build(
        dict(part, data_root=str(data / 'bccd'),
             ann_file='annotations/train.json'))
                   for part in (cfg.train_dataloader.dataset,
                                cfg.test_dataloader.dataset))
    train.pipeline.transforms = [
        step for step in train.pipeline.transforms
        if type(step).__name__ != 'RandomFlip'
    ]
    a, b = train[0]['inputs'], test[0]['inputs']
    for key in ('img', 'clean'):
        assert torch.equal(a[key], b[key])
    assert a['img'].float().mean() < a['clean'].float().mean() / 3
