import numpy as np
import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.kitti import official_ids
from mmxkd.formats.kitti.layout import (
    frame_path,
    frames_with,
    png_size,
    require_folder,
    split_ids,
    splits_of,
)
from mmxkd.io.images import encode_image
from tests.helpers.kitti_tree import write_kitti


@pytest.fixture
def root(tmp_path):
    return write_kitti(tmp_path)


def _official(root, missing=()):
    """Empty images of all labelled frames."""
    folder = root / 'training/image_2'
    folder.mkdir(parents=True)
    for frame_id in official_ids('trainval'):
        if frame_id not in missing:
            (folder / f'{frame_id}.png').touch()
    return root


def test_files_of_a_frame(root):
    path = frame_path(root / 'training', 'velodyne', '000002')
    assert path == root / 'training/velodyne/000002.bin' and path.is_file()
    assert frames_with(root / 'testing', 'calib') == {'000000', '000001'}
    assert frames_with(root / 'testing', 'label_2') == set()


def test_lists_of_the_root_come_first(root):
    assert splits_of(root) == ['train', 'val', 'trainval', 'test']
    assert split_ids(root, 'train') == ['000000', '000002']
    assert split_ids(root,
                     'trainval') == ['000000', '000001', '000002', '000003']
    assert split_ids(root, 'test') == ['000000', '000001']


def test_official_split_without_lists(tmp_path):
    root = _official(tmp_path)
    assert splits_of(root) == ['train', 'val', 'trainval']
    assert split_ids(root, 'val') == official_ids('val')
    (root / 'testing').mkdir()
    assert splits_of(root)[-1] == 'test'


def test_part_of_the_official_frames_says_what_to_do(tmp_path):
    root = _official(tmp_path, missing=('000003', '000009'))
    with pytest.raises(ConfigError) as caught:
        split_ids(root, 'train')
    text = str(caught.value)
    assert "2 of the 3712 images of the official split 'train'" in text
    assert '(000003, 000009)' in text
    assert str(root / 'ImageSets/train.txt') in text
    assert len(split_ids(root, 'val')) == 3769


def test_unknown_root_and_split(tmp_path):
    with pytest.raises(ConfigError, match='none: no such folder'):
        split_ids(tmp_path / 'none', 'train')
    with pytest.raises(ConfigError, match='none: no such folder'):
        splits_of(tmp_path / 'none')
    with pytest.raises(ConfigError, match="'training'.*did you mean 'train"):
        split_ids(tmp_path, 'training')


@pytest.mark.parametrize(
    'text, reason',
    [('000001\n000002\n000001\n', 'line 3: 000001 stands in line 1 already'),
     ('000001\n\n12\n', "line 3: expected an id of six digits, found '12'"),
     ('image\n', "line 1: expected an id of six digits, found 'image'"),
     (' \n', 'holds no frame id')])
def test_bad_list_names_the_line(root, text, reason):
    path = root / 'ImageSets/train.txt'
    path.write_text(text)
    with pytest.raises(CorruptSampleError, match=reason) as caught:
        split_ids(root, 'train')
    assert str(path) in str(caught.value)


def test_missing_folder_offers_the_nearest(root):
    (root / 'training/velodyne').rename(root / 'training/velodyne_points')
    with pytest.raises(ConfigError, match="did you mean 'velodyne_points'"):
        require_folder(root, 'training', 'velodyne')


def test_size_of_an_image_without_decoding(tmp_path):
    path = tmp_path / 'a.png'
    path.write_bytes(encode_image(np.zeros((37, 124, 3), np.uint8), '.png'))
    assert png_size(path) == (124, 37)
    path.write_bytes(b'\xff\xd8\xff' + bytes(50))
    with pytest.raises(CorruptSampleError, match='a.png: is no PNG'):
        png_size(path)
    with pytest.raises(CorruptSampleError, match='b.png: cannot be read'):
        png_size(tmp_path / 'b.png')
