import pytest

from mmxkd.errors import CorruptSampleError
from mmxkd.io.paths import checked_name, checked_path

BAD = [
    '', '.', '..', '../a', '/etc/passwd', 'a/../../b', 'a\\b', '..\\a',
    'C:\\a', 'C:a', 'a\0b', 'a\nb', 'a\x1b[2J', 'a\u202eb', '\ud800', ' a',
    'a ', 'a' * 201, 'ä' * 101, None, 7, b'a', ['a']
]


@pytest.mark.parametrize('name', BAD)
@pytest.mark.parametrize('check', [checked_name, checked_path])
def test_what_leads_out_of_the_folder_is_refused(check, name):
    with pytest.raises(CorruptSampleError) as caught:
        check(name, 'train.txt', 'split', 'line 3')
    text = str(caught.value)
    assert text.startswith('split: train.txt: line 3: ')
    assert text.isprintable() and text.isascii() or '…' in text


@pytest.mark.parametrize('name', [
    '000007', '2018-02-03_20-48-35_00400', 'a.png', 'straße 1', '..a', 'a..b',
    'a' * 200, '-', '~'
])
def test_names_of_frames_are_taken(name):
    assert checked_name(name, 'train.txt', 'split') == name
    assert checked_path(name, 'train.txt', 'split') == name
    assert checked_path(f'images/{name}', 'a', 'b') == f'images/{name}'


@pytest.mark.parametrize(
    'path',
    ['a//b', 'a/', './a', 'a/./b', 'a/..', '//a', 'a/ b', '\\\\host\\a'])
def test_paths_have_names_only(path):
    with pytest.raises(CorruptSampleError, match='cannot be used as a name'):
        checked_path(path, 'train.json', 'annotations')


def test_a_name_alone_has_no_folder():
    with pytest.raises(CorruptSampleError, match='it has a separator'):
        checked_name('images/a', 'train.txt', 'split')
