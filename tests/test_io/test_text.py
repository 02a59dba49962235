import pytest

from mmxkd.errors import CorruptSampleError
from mmxkd.io.text import (
    parse_number,
    plain_bytes,
    read_json,
    read_lines,
    read_text,
)

TEXT = 'Fußgänger 1\r\n\r\nCar 2\n'


@pytest.mark.parametrize(
    'encoding',
    ['utf-8', 'utf-8-sig', 'utf-16', 'utf-16-be-mark', 'utf-32', 'cr'])
def test_every_encoding_with_a_mark_gives_the_same_lines(tmp_path, encoding):
    path = tmp_path / 'a.txt'
    if encoding == 'cr':
        content = TEXT.replace('\r\n', '\n').replace('\n', '\r').encode()
    elif encoding == 'utf-16-be-mark':
        content = b'\xfe\xff' + TEXT.encode('utf-16-be')
    else:
        content = TEXT.encode(encoding)
    path.write_bytes(content)
    assert read_lines(path, 'label') == [(1, 'Fußgänger 1'), (3, 'Car 2')]
    assert plain_bytes(content, path, 'label') == read_text(path,
                                                            'label').encode()


@pytest.mark.parametrize('content, line, reason', [
    (b'Car 1\nCar 2\nF\xe9 3\n', 3, 'the bytes 0xe9, which are not UTF-8'),
    ('Car 1\nCar 2'.encode('utf-16-le'), 1, 'a NUL byte; UTF-16 needs a byte'),
    ('\ufeffa\nb\n\ufeffc'.encode(), 3, 'joined?'),
    (b'a\n\x1b[2Jb', 2, r"control character '\\x1b'"),
    (b'a\nb\x1a', 2, r"control character '\\x1a'"),
    ('a\nb\x85c'.encode(), 2, r"control character '\\x85'"),
    ('\ufeffa\nb'.encode('utf-16-le')[:-1], 2, 'which are not UTF-16 text'),
    (b'a\r\nb\r\xff', 2, 'which are not UTF-8 text'),
])
def test_what_is_not_text_is_refused_with_file_and_line(
        tmp_path, content, line, reason):
    path = tmp_path / 'a.txt'
    path.write_bytes(content)
    for read in (read_text, read_lines,
                 lambda path, kind: plain_bytes(content, path, kind)):
        with pytest.raises(CorruptSampleError, match=reason) as caught:
            read(path, 'label')
        assert f'{path}: cannot be read: line {line}: ' in str(caught.value)


def test_what_was_expected_is_said(tmp_path):
    (tmp_path / 'a.txt').write_bytes(b'\xe9')
    with pytest.raises(CorruptSampleError,
                       match='a.txt: line 1: expected an id, found the bytes'):
        read_lines(tmp_path / 'a.txt', 'split', 'an id')


@pytest.mark.parametrize('read', [read_text, read_json])
def test_a_file_that_cannot_be_opened_is_named(tmp_path, read):
    with pytest.raises(CorruptSampleError, match='none.*No such file'):
        read(tmp_path / 'none', 'label')
    with pytest.raises(CorruptSampleError, match='Is a directory'):
        read(tmp_path, 'label')


def test_plain_bytes_are_passed_on():
    content = b'Car 1\nCar 2\n'
    assert plain_bytes(content, 'a.txt', 'label') is content


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_json_of_every_encoding(tmp_path, encoding):
    path = tmp_path / 'a.json'
    path.write_text('{"a": ["ß", 1]}', encoding=encoding)
    assert read_json(path, 'infos') == {'a': ['ß', 1]}


@pytest.mark.parametrize('content, reason',
                         [(b'{"a": 1', "not JSON: Expecting ',' delimiter"),
                          (b'', 'not JSON: Expecting value'),
                          (b'["\xff"]', 'line 1: found the bytes 0xff'),
                          (b'["\x07"]', 'not JSON: Invalid control'),
                          (b'[' * 100_000, 'nested too deep'),
                          (b'{"a":' * 100_000, 'nested too deep'),
                          (b'9' * 10_000, 'not JSON: Exceeds the limit')])
def test_json_that_cannot_be_read_is_named(tmp_path, content, reason):
    path = tmp_path / 'a.json'
    path.write_bytes(content)
    with pytest.raises(CorruptSampleError, match=reason) as caught:
        read_json(path, 'infos')
    assert str(path) in str(caught.value)


@pytest.mark.parametrize('word, number', [('1', 1), ('-1.5e3', -1500),
                                          ('6_0', None), ('1_', None),
                                          ('', None), ('0x10', None),
                                          ('١', None), ('６', None),
                                          ('1,5', None),
                                          ('inf', float('inf'))])
def test_numbers(word, number):
    assert parse_number(word) == number
