import hashlib

import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.kitti import SPLITS, folder_of, official_ids, read_ids

# Of the ids, ascending, each with a line feed.
SHA256 = dict(line.split() for line in '''
train    e85ce0142be11c7e4196fd7b79a8bc8c2cefdd6fe754ac61fef8d421e37aba5c
val      6e2394d97c866c3af1ffb049f828abdf3d5b707d9575d16885fd0de87b72b0c8
trainval b179ea3252980dfdba18e256a135f3a8ace819ac85bab804de0bb85db27f9423
'''.split('\n') if line)


@pytest.mark.parametrize('split, count', [('train', 3712), ('val', 3769),
                                          ('trainval', 7481), ('test', 7518)])
def test_sizes_and_order(split, count):
    ids = official_ids(split)
    assert len(ids) == count
    assert ids == sorted(set(ids))
    assert all(len(frame_id) == 6 for frame_id in ids)


@pytest.mark.parametrize('split', SHA256)
def test_ids_are_those_that_everybody_uses(split):
    text = ''.join(f'{frame_id}\n' for frame_id in official_ids(split))
    assert hashlib.sha256(text.encode()).hexdigest() == SHA256[split]


@pytest.mark.parametrize('split', ['train', 'val'])
def test_ids_equal_the_published_lists(split, shared_data):
    path = shared_data / 'kitti_splits' / f'{split}.txt'
    assert official_ids(split) == path.read_text().split()


def test_train_and_val_divide_trainval():
    train, val = set(official_ids('train')), set(official_ids('val'))
    assert not train & val
    assert train | val == set(official_ids('trainval'))


def test_test_frames_lie_in_the_other_folder():
    assert [folder_of(split) for split in SPLITS
            ] == ['training', 'training', 'training', 'testing']
    assert official_ids('test')[-1] == '007517'


def test_unknown_split_offers_the_nearest():
    with pytest.raises(ConfigError, match="'valid'.*did you mean 'val'"):
        official_ids('valid')


@pytest.mark.parametrize(
    ('text', 'message'),
    [('000001\n\n12\n', "line 3: expected an id of six digits, found '12'"),
     ('000001\n000002\n000001\n', 'line 3: 000001 stands in line 1 already'),
     ('00000\xe9\n', 'line 1: expected an id of six digits'),
     ('\n', 'holds no frame id'),
     ('000001\n../../a\n', "line 2: expected an id of six digits")])
def test_lists_that_cannot_be_used(tmp_path, text, message):
    (tmp_path / 'mine.txt').write_text(text, encoding='latin-1')
    with pytest.raises(CorruptSampleError, match=f'mine.txt: {message}'):
        read_ids(tmp_path / 'mine.txt')


def test_digits_of_other_scripts_are_not_ids(tmp_path):
    (tmp_path / 'mine.txt').write_text('٠٠٠٠٠١', encoding='utf-8')
    with pytest.raises(CorruptSampleError, match='line 1: expected an id of'):
        read_ids(tmp_path / 'mine.txt')


def test_a_list_that_is_not_there(tmp_path):
    with pytest.raises(CorruptSampleError, match='none.txt: cannot be read'):
        read_ids(tmp_path / 'none.txt')


def test_lists_keep_their_order(tmp_path):
    (tmp_path / 'mine.txt').write_text('\ufeff000007\r\n 000003 \n',
                                       encoding='utf-8')
    assert read_ids(tmp_path / 'mine.txt') == ['000007', '000003']
