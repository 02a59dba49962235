import importlib.util
import json
from pathlib import Path

import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.synthetic import SyntheticSettings, write_dataset


@pytest.fixture(scope='module')
def converter(repo):
    path = repo / 'tools/dataset_converters/stf.py'
    spec = importlib.util.spec_from_file_location('stf_converter', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('published')
    write_dataset(
        root, SyntheticSettings(frames=40, scale=0.125, seed=5, gated='rect8'))
    return str(root)


def _images(out, split):
    content = json.loads((out / f'annotations/{split}.json').read_text())
    return content['images']


def test_named_splits_with_filters(converter, root, tmp_path, capsys):
    converter.main([
        root,
        str(tmp_path), '--train', 'train', '--val', 'val', '--test', 'test',
        '--weather', 'dense_fog', '--daytime', 'night', '--num-workers', '1'
    ])
    counts = [len(_images(tmp_path, s)) for s in ('train', 'val', 'test')]
    official = Path(root, 'splits/dense_fog_night.txt').read_text().split()
    assert sum(counts) == len(official) > 0
    assert all(image['weather'] == 'dense_fog' and image['daytime'] == 'night'
               for image in _images(tmp_path, 'train'))
    shown = capsys.readouterr().out
    assert 'cam_stereo_left_lut, gated*_rect8, gated_labels_TMP' in shown
    assert f'train: {counts[0]} frames' in shown


def test_default_pool_needs_its_split_files(converter, root, tmp_path):
    with pytest.raises(ConfigError, match='_night.txt: no such split'):
        converter.main([root, str(tmp_path)])


def test_pool_is_split_by_sequence(converter, root, tmp_path):
    converter.main([
        root,
        str(tmp_path), '--pool', 'all', '--shares', '.5,.25,.25',
        '--num-workers', '1', '--size', '80x48'
    ])
    sequences = [{
        image['frame_id'].rsplit('_', 1)[0]
        for image in _images(tmp_path, split)
    } for split in ('train', 'val', 'test')]
    assert [len(s) for s in sequences] == [2, 1, 1]
    assert not set.intersection(*sequences[:2])
    assert _images(tmp_path, 'train')[0]['width'] == 80


def test_id_without_files_leaves_nothing(converter, root, tmp_path):
    ids = tmp_path / 'ids.txt'
    ids.write_text('2031-01-01_00-00-00,00000\n')
    with pytest.raises(CorruptSampleError) as caught:
        converter.main([root, str(tmp_path / 'out'), '--train', str(ids)])
    text = str(caught.value)
    assert '2031-01-01_00-00-00_00000' in text
    assert 'gated2_rect8/2031-01-01_00-00-00_00000.png' in text
    assert not (tmp_path / 'out').exists()


def test_filters_that_leave_nothing_are_refused(converter, root, tmp_path):
    with pytest.raises(ConfigError, match='no frame is left'):
        converter.main([
            root,
            str(tmp_path / 'out'), '--train', 'train', '--weather', 'snow'
        ])


def test_command_prints_one_line_for_an_error(repo, run_python, tmp_path):
    done = run_python(repo / 'tools/dataset_converters/stf.py',
                      tmp_path / 'none', tmp_path / 'out', check=False)
    assert done.returncode == 1
    assert done.stderr.strip().endswith('none: no such folder')
    assert 'Traceback' not in done.stderr


def test_the_table_of_what_was_left_out(converter, root, tmp_path, capsys):
    converter.main([
        root,
        str(tmp_path), '--train', 'train', '--val', 'val', '--daytime', 'day',
        '--num-workers', '1'
    ])
    lines = capsys.readouterr().out.splitlines()
    start = next(k for k, line in enumerate(lines)
                 if line.startswith('left out'))
    assert lines[start].split() == [
        'left', 'out', 'why', 'train', 'val', 'test'
    ]
    rows = [line.split() for line in lines[start + 1:]]
    frames = [row for row in rows if row[0] == '(frame)']
    assert ['is', 'night:', 'not', 'in',
            '--daytime'] in [row[1:6] for row in frames]
    assert ['PassengerCar', 'is', 'not', 'in',
            '--classes'] in [row[:5] for row in rows]
    for column, split in ((-3, 'train'), (-2, 'val')):
        ids = Path(root, f'splits/{split}.txt').read_text().split()
        filtered = sum(int(row[column]) for row in frames)
        assert len(_images(tmp_path, split)) + filtered == len(ids)


def test_errors_do_not_act_upon_the_terminal(repo, run_python, root, tmp_path):
    ids = tmp_path / 'ids.txt'
    ids.write_text('2020-01-01_00-00-00,00000\n../\u202e[2J\n')
    done = run_python(repo / 'tools/dataset_converters/stf.py', root,
                      tmp_path / 'o\x1b[2J', '--train', ids, check=False)
    assert done.returncode == 1
    error = done.stderr.strip().splitlines()[-1]
    assert error.startswith(f'error: split: {ids}: line 2: ')
    assert error.isprintable()


def test_a_class_in_the_wrong_case_is_refused(repo, run_python, root,
                                              tmp_path):
    done = run_python(repo / 'tools/dataset_converters/stf.py', root,
                      tmp_path / 'out', '--train', 'train', '--classes',
                      'pedestrian', check=False)
    assert done.returncode == 1 and 'Traceback' not in done.stderr
    assert "did you mean 'Pedestrian'" in done.stderr
    assert not (tmp_path / 'out').exists()


def test_sizes_without_pixels_are_refused(converter, root, tmp_path):
    for size in ('0x48', '80x-48', '80'):
        with pytest.raises(SystemExit):
            converter.main([root, str(tmp_path), '--size', size])


def test_frames_whose_labels_are_not_read(converter, root, tmp_path, capsys):
    """They are listed without annotations; no label file is written."""
    converter.main([
        root,
        str(tmp_path), '--train', 'train', '--val', 'val', '--unlabelled',
        'test', '--num-workers', '1', '--size', '80x48'
    ])
    content = json.loads(
        (tmp_path / 'annotations/unlabelled.json').read_text())
    assert sorted(content) == ['categories', 'images']
    assert [c['name'] for c in content['categories']] == ['pedestrian']
    official = Path(root, 'splits/test.txt').read_text().split()
    frames = [image['frame_id'] for image in content['images']]
    assert frames == [name.replace(',', '_') for name in official]
    for name in frames:
        assert (tmp_path / f'gated2/{name}.png').is_file()
        assert not (tmp_path / f'gated_labels/{name}.txt').exists()
    assert 'annotations' in json.loads(
        (tmp_path / 'annotations/train.json').read_text())
    shown = capsys.readouterr().out
    assert f'unlabelled: {len(frames)} frames, without labels' in shown
    assert 'has no label file' not in shown


def test_a_labelled_frame_is_not_in_the_pool(converter, root, tmp_path):
    with pytest.raises(ConfigError, match='stands in train and in unlabelled'):
        converter.main(
            [root,
             str(tmp_path), '--train', 'train', '--unlabelled', 'train'])
