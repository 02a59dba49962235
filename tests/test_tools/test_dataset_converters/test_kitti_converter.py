import importlib.util
import json
import shutil

import pytest

from mmxkd.errors import ConfigError
from tests.helpers.kitti_tree import write_kitti


@pytest.fixture(scope='module')
def converter(repo):
    path = repo / 'tools/dataset_converters/kitti.py'
    spec = importlib.util.spec_from_file_location('kitti_converter', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root(tmp_path):
    return write_kitti(tmp_path / 'kitti')


def _ids(path):
    content = json.loads(path.read_text())
    return [info['sample_idx'] for info in content['data_list']]


def test_default_is_every_list_of_the_root(converter, root, capsys):
    converter.main([str(root), '--num-workers', '1'])
    assert _ids(root / 'kitti_infos_trainval.json') == [0, 1, 2, 3]
    assert _ids(root / 'kitti_infos_test.json') == [0, 1]
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == f'{root}/kitti_infos_train.json: 2 frames, 10 labels'
    assert len(shown) == 4
    assert not (root / 'training/depth_2').exists()


def test_chosen_splits_depth_and_folder(converter, root, tmp_path, capsys):
    out = tmp_path / 'out'
    converter.main([
        str(root), '--splits', 'val', '--out',
        str(out), '--depth', '--num-workers', '1'
    ])
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob('*.*')) == [
        'kitti_infos_val.json', 'training/depth_2/000001.png',
        'training/depth_2/000003.png'
    ]
    assert capsys.readouterr().out.splitlines()[1:4] == [
        f'The split {split!r} is not among --splits val: no info file was '
        'written for it.' for split in ('train', 'trainval', 'test')
    ]


def test_why_a_split_is_not_there_is_said_in_words(converter, root, capsys):
    (root / 'ImageSets/test.txt').unlink()
    converter.main([str(root), '--num-workers', '1'])
    assert capsys.readouterr().out.splitlines()[3:4] == [
        f"The split 'test' has no list {root}/ImageSets/test.txt: no info "
        'file was written for it.'
    ]
    shutil.rmtree(root / 'ImageSets')
    args = converter.parse_args([str(root)])
    assert converter._why_not('test', args) == (
        f"The split 'test' has no frames: there is no folder {root}/testing: "
        'no info file was written for it.')


def test_official_split_of_a_part_says_what_to_do(converter, root):
    shutil.rmtree(root / 'ImageSets')
    with pytest.raises(ConfigError, match='ImageSets/train.txt, one id'):
        converter.main([str(root)])


def test_long_lists_of_problems_are_cut(converter):
    group = ExceptionGroup('files that cannot be used',
                           [ValueError(f'file {k}') for k in range(33)])
    lines = converter._describe(group).splitlines()
    assert len(lines) == 32
    assert lines[29] == 'error: file 29'
    assert lines[30:] == [
        'error: … and 3 more',
        '33 files that cannot be used; no info file was '
        'written'
    ]


def test_command_names_every_file(repo, run_python, root):
    scan = root / 'training/velodyne/000002.bin'
    scan.write_bytes(scan.read_bytes() + b'x')
    label = root / 'training/label_2/000003.txt'
    label.write_text(label.read_text().replace('Car', 'Cart'))
    done = run_python(repo / 'tools/dataset_converters/kitti.py', root,
                      check=False)
    assert done.returncode == 1
    assert 'Traceback' not in done.stderr
    errors = [
        line for line in done.stderr.splitlines() if line.startswith('error: ')
    ]
    assert len(errors) == 2
    assert f'{scan}: has 64001 bytes' in errors[0]
    assert f'{label}: line 1: unknown class' in errors[1]
    assert not list(root.glob('kitti_infos*'))


def test_command_on_no_folder(repo, run_python, tmp_path):
    done = run_python(repo / 'tools/dataset_converters/kitti.py',
                      tmp_path / 'none', check=False)
    assert done.returncode == 1
    assert done.stderr.strip().endswith('none: no such folder')
    assert 'Traceback' not in done.stderr


def test_the_table_of_what_was_left_out(converter, root, capsys):
    path = root / 'training/label_2/000002.txt'
    path.write_text(path.read_text()
                    + 'Misc 0 0 0.1 1 2 30 40 1.5 1.6 3.9 1 1.4 -9 0.4\n')
    converter.main([str(root), '--num-workers', '1'])
    header, row = capsys.readouterr().out.splitlines()[-2:]
    assert header.split() == 'left out why train val trainval test'.split()
    assert row.startswith('Misc ') and row.split()[-4:] == ['1', '0', '1', '0']


def test_a_full_disk_is_said(repo, run_python, root, tmp_path):
    (root / '.kitti_infos.progress').symlink_to('/dev/full')
    done = run_python(repo / 'tools/dataset_converters/kitti.py', root,
                      check=False)
    assert done.returncode == 1 and 'Traceback' not in done.stderr
    assert 'No space left' in done.stderr.splitlines()[-1]
    assert '.kitti_infos.progress' in done.stderr.splitlines()[-1]
