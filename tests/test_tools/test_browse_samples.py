"""Sheets of samples of any dataset that a config names."""
import json

import cv2
import numpy as np
import pytest

from mmxkd.errors import ConfigError
from tests.helpers.commands import load_tool
from tests.helpers.kitti_tree import write_kitti
from tests.helpers.stacks import needs
from tests.helpers.tiny_run import write_config, write_data

TOOL = 'tools/analysis_tools/browse_samples.py'
# What a training of mmdet may wrap its data into; each line is a dataset.
CROWD = '''
plain = train_dataloader['dataset']
load = train_pipeline[:2]
pack = dict(type='PackDetInputs')
datasets = dict(
    repeated=dict(type='RepeatDataset', times=2, dataset=plain),
    joined=dict(type='ConcatDataset', datasets=[plain, plain]),
    balanced=dict(
        type='ClassBalancedDataset', oversample_thr=0.5, dataset=plain),
    mosaic=dict(
        type='MultiImageMixDataset',
        dataset=dict(plain, pipeline=load),
        pipeline=[dict(type='Mosaic', img_scale=(32, 32)), pack]),
    branches=dict(
        plain, pipeline=[
            *load,
            dict(
                type='MultiBranch', branch_field=['weak', 'strong'],
                weak=[pack],
                strong=[dict(type='RandomErasing', n_patches=1,
                             ratio=(0.1, 0.2)), pack])]),
    normalised=dict(
        plain, pipeline=[
            *load, dict(type='Normalize', mean=[99.] * 3, std=[9.] * 3), pack])
)
'''


@pytest.fixture(scope='module')
def tool(repo):
    return load_tool(repo / TOOL)


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    root = tmp_path_factory.mktemp('browse')
    write_data(root / 'data')
    return write_config(root / 'config.py', root / 'data', more=CROWD)


@pytest.fixture
def browse(tool, config, tmp_path):
    """Run it on a config; the sheets by name."""

    def run(*args, of=config):
        out = tmp_path / 'look'
        tool.main([str(of), '--out', str(out), *map(str, args)])
        return {
            path.stem: cv2.imread(str(path)) for path in sorted(out.iterdir())
        }

    return run


def test_samples_are_evenly_chosen_and_the_same_again(browse):
    """By their seed, whatever else is drawn."""
    first = browse('--number', 3)
    assert list(first) == ['000000', '000004', '000007']
    again = browse('--index', 4, 1)
    assert list(again) == ['000000', '000001', '000004', '000007']
    assert (again['000004'] == first['000004']).all()
    other = browse('--index', 4, '--seed', 1)
    assert (other['000004'] != first['000004']).any()


def test_draws_are_augmented_anew(browse):
    """The tiny config distorts colours, and flips."""
    sheets = browse('--index', 0, '--draws', 3)
    assert list(sheets) == [f'000000_draw{k}' for k in range(3)]
    assert len({sheet.tobytes() for sheet in sheets.values()}) == 3


@pytest.mark.parametrize('name, number', [('repeated', 16), ('joined', 16),
                                          ('balanced', 8), ('mosaic', 8),
                                          ('normalised', 8)])
def test_datasets_of_mmdet(browse, config, tmp_path, name, number):
    wrapped = tmp_path / 'wrapped.py'
    wrapped.write_text(
        f'_base_ = {str(config)!r}\ntrain_dataloader = dict('
        f'dataset=dict(_delete_=True, **_base_.datasets.{name}))')
    sheets = browse('--number', 2, of=wrapped)
    assert list(sheets) == ['000000', f'{number - 1:06d}']
    for sheet in sheets.values():
        # Yellow boxes of the only class.
        yellow = (np.abs(sheet.astype(int) - (66, 228, 240)) < 30).all(-1)
        assert np.count_nonzero(yellow) > 200


def test_branches_are_sheets_of_their_own(browse, config, tmp_path):
    wrapped = tmp_path / 'wrapped.py'
    wrapped.write_text(f'_base_ = {str(config)!r}\ntrain_dataloader = dict('
                       'dataset=dict(_delete_=True, **_base_.datasets.branches'
                       '))')
    sheets = browse('--number', 1, of=wrapped)
    assert list(sheets) == ['000000', '000000_1']


def test_boxes_of_a_test_pipeline_lie_on_their_objects(browse, config, tool):
    """It resizes the picture and keeps boxes in pixels of the file."""
    from mmengine.config import Config
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(
        {'val_dataloader.dataset.pipeline.1.scale': (128, 128)})
    dataset = tool.build_dataset(cfg, 'val')
    (steps, ) = tool.pipelines(dataset)
    assert tool.boxes_in_file(steps)
    (shown, ) = tool.shown_samples(dataset[1], True)
    truth = dataset.get_data_info(1)['instances']
    assert shown.arrays['img'].shape == (128, 128, 3)
    for box, instance in zip(shown.boxes.corners, truth, strict=True):
        assert box == pytest.approx(2 * np.array(instance['bbox']))
        x1, y1, x2, y2 = (box + (2, 2, -2, -2)).astype(int)
        # The objects are bright, all else is dark.
        assert shown.arrays['img'][y1:y2, x1:x2].mean() > 150


def test_datasets_of_the_package(browse, repo, tmp_path):
    """KITTI with the pictures, and for monocular detectors."""
    needs('mmdet3d')
    from tests.helpers.mono_tree import write_infos_of
    root = write_kitti(tmp_path / 'kitti')
    for split in ('train', 'val'):
        write_infos_of(root, split, root / f'kitti_infos_{split}.json')
    moved = ('--number', 1, '--cfg-options',
             f'val_dataloader.dataset.data_root={root}/')
    sheets = browse('--dataloader', 'val', *moved,
                    of=repo / 'configs/kitti/faster-rcnn_r50_fpn_kitti.py')
    assert len(sheets) == 1
    sheets = browse('--dataloader', 'val', *moved,
                    of=repo / 'configs/monommkd/student_tiny.py')
    assert len(sheets) == 1


def test_bad_input_is_named(browse, config, run_python, tmp_path, tool):
    with pytest.raises(ConfigError, match='--index 8: expected 0 to 7'):
        browse('--index', 8)
    with pytest.raises(ConfigError, match='--number 0: expected 1 or more'):
        browse('--number', 0)
    with pytest.raises(ConfigError, match='--out FOLDER, --show, or both'):
        tool.main([str(config)])
    few = tmp_path / 'few.py'
    few.write_text("val_dataloader = dict(dataset=dict(type='CocoDataset'))")
    with pytest.raises(ConfigError, match="no train_dataloader.*'val_data"):
        browse(of=few)
    done = run_python(TOOL, tmp_path / 'fwe.py', '--out', 'x', check=False)
    assert done.returncode == 2 and 'few.py' in done.stderr
    done = run_python(TOOL, config, '--show', check=False, MPLBACKEND='agg')
    assert done.returncode == 1
    assert 'no window can be opened here' in done.stderr
    assert 'Traceback' not in done.stderr


def test_show_opens_a_window_for_each(browse, tool, config, monkeypatch):
    from mmengine.visualization import Visualizer
    shown = []
    monkeypatch.setattr(tool, 'check_screen', lambda: None)
    monkeypatch.setattr(
        Visualizer, 'show', lambda self, picture, win_name: shown.append(
            (win_name, picture.shape[1])))
    tool.main([str(config), '--show', '--number', '2'])
    assert shown == [('000000', 1600), ('000007', 1600)]


def test_a_broken_picture_is_named(browse, config, run_python, tmp_path):
    """By loaders of this package; mmdet's draw another sample."""
    data = tmp_path / 'data'
    write_data(data)
    (data / 'train_0.png').write_bytes(b'no picture')
    broken = tmp_path / 'broken.py'
    broken.write_text(
        f'_base_ = {str(config)!r}\ntrain_dataloader = dict(dataset=dict('
        "type='mmxkd.ScoredCocoDataset', "
        f'data_root={str(data)!r}))\n')
    done = run_python(TOOL, broken, '--out', tmp_path / 'x', '--index', 0,
                      check=False)
    assert done.returncode == 1, done.stdout
    assert 'train_0.png' in done.stderr


def test_a_dataset_without_frames(config, tool, tmp_path):
    from mmengine.config import Config
    cfg = Config.fromfile(config)
    (tmp_path / 'none.json').write_text(
        json.dumps(dict(images=[], annotations=[], categories=[])))
    cfg.train_dataloader.dataset.update(data_root='',
                                        ann_file=str(tmp_path / 'none.json'),
                                        serialize_data=False)
    with pytest.raises(ConfigError, match='train_dataloader has no sample'):
        tool.build_dataset(cfg, 'train')
