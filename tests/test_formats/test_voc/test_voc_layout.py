"""VOC's folders and lists."""
import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.voc import VocLayout


@pytest.fixture
def layout(tmp_path):
    for folder in ('JPEGImages', 'Annotations', 'ImageSets/Main'):
        (tmp_path / folder).mkdir(parents=True)
    for name in ('000001', '000002', 'Blood_3'):
        (tmp_path / f'JPEGImages/{name}.jpg').touch()
        (tmp_path / f'Annotations/{name}.xml').touch()
    return VocLayout(tmp_path)


def write(layout, content: bytes, split='train'):
    layout.list_of(split).write_bytes(content)


@pytest.mark.parametrize('content', [
    b'000002\n000001\nBlood_3\n',
    b'\xef\xbb\xbf000002\r\n\r\n000001 \r\n  \r\nBlood_3',
])
def test_ids_in_the_order_of_the_list(layout, content):
    write(layout, content)
    assert layout.ids('train') == ['000002', '000001', 'Blood_3']


@pytest.mark.parametrize('content, reason', [
    (b'000001\n000007\n000008\n',
     '2 of its 3 ids have no picture in .*JPEGImages: 000007 .line 2., '
     '000008 .line 3.'),
    (b'000001\n\n000001\n', 'line 3: 000001 is listed in line 1 already'),
    (b'000001  1\n000002 -1\n', 'line 1: expected an id alone.*one class'),
    (b'../../000001\n', 'line 1: .* cannot be used as a name'),
    (b'\n \n', 'holds no id'),
])
def test_refused_lists(layout, content, reason):
    write(layout, content)
    with pytest.raises(CorruptSampleError, match=reason) as caught:
        layout.ids('train')
    assert caught.value.path == str(layout.list_of('train'))


def test_a_missing_annotation(layout):
    write(layout, b'000001\n000002\n')
    layout.annotation('000002').unlink()
    with pytest.raises(CorruptSampleError,
                       match='1 of its 2 ids have no annotation'):
        layout.ids('train')


@pytest.mark.parametrize('listed, there', [('000007', '000007.png'),
                                           ('000007', '000007.JPG'),
                                           ('000001.jpg', '000001.jpg')])
def test_other_endings_are_told(layout, listed, there):
    write(layout, listed.encode())
    (layout.root / 'JPEGImages' / there).touch()
    with pytest.raises(
            CorruptSampleError, match=
        (f'1 of its 1 ids have no picture in .*: {listed} .line 1.; there '
         f'is {there}, expected {listed}.jpg: ids are written without')):
        layout.ids('train')


def test_an_unknown_split_offers_the_nearest(layout):
    write(layout, b'000001\n', 'trainval')
    write(layout, b'000001 1\n', 'cat_trainval')
    assert layout.splits() == ['trainval']
    with pytest.raises(ConfigError, match="did you mean 'trainval'"):
        layout.ids('train_val')


def test_no_such_folder(tmp_path, layout):
    with pytest.raises(ConfigError, match='VOC2007: no such folder'):
        VocLayout(tmp_path / 'VOC2007')
    write(layout, b'000001\n')
    layout.annotation('000001').parent.rename(tmp_path / 'xml')
    with pytest.raises(ConfigError, match='Annotations: no such folder'):
        layout.ids('train')
