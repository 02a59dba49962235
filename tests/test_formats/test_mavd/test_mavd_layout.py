"""Ids, time stamps and split files of MAVD."""
import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.mavd.layout import (
    FrameId,
    audio_path,
    frame_time_key,
    lighting_of,
    parse_id,
    picture_path,
    read_split,
    split_file,
)

DAY = 'drive_day_2020_04_21_15_58_22'


def test_paths():
    frame = FrameId(DAY, '1587478702_123456789_0')
    assert picture_path(
        'rgb', frame) == (f'{DAY}/fl_rgb/fl_rgb_1587478702_123456789_0.jpg')
    assert picture_path('thermal', frame, '.png') == (
        f'{DAY}/fl_ir_aligned/fl_ir_aligned_1587478702_123456789_0.png')
    # The prefix of the depth pictures is that of the colour pictures.
    assert picture_path(
        'depth',
        frame) == (f'{DAY}/fl_rgb_depth/fl_rgb_1587478702_123456789_0.jpg')
    assert audio_path(
        frame, 3,
        '.pkl') == (f'{DAY}/audio/audio_3_1587478702_123456789_0.pkl')


@pytest.mark.parametrize('nanoseconds, time, short', [
    ('43168666', 1_570_729_614_043_168_666, True),
    ('043168666', 1_570_729_614_043_168_666, False),
    ('4316866600', 1_570_729_618_316_866_600, False),
    ('9999999999', 1_570_729_623_999_999_999, False),
])
def test_nanoseconds_of_eight_nine_and_ten_digits(nanoseconds, time, short):
    """Ten digits written behind the seconds would not fit into 64 bits."""
    frame = parse_id(f'{DAY}/1570729614_{nanoseconds}_0', 'train_all.txt')
    assert (frame.time, frame.is_short) == (time, short)
    assert frame.time < 2**63


def test_order_is_that_of_time_then_of_the_id():
    ids = [
        FrameId(DAY, '1570729618_316866601_0'),
        FrameId(DAY, '1570729614_4316866600_1'),
        FrameId(DAY, '1570729614_4316866600_0'),
        FrameId(DAY, '1570729618_000000000_0'),
    ]
    assert sorted(ids, key=frame_time_key) == [ids[3], ids[2], ids[1], ids[0]]


@pytest.mark.parametrize('drive, lighting',
                         [(DAY, 'day'), ('drive_night_2020_04_21', 'night'),
                          ('Drive_Day_1', 'day'), ('holiday_drive', 'unknown'),
                          ('drive_day_night_1', 'unknown'),
                          ('drive_1', 'unknown')])
def test_day_and_night(drive, lighting):
    assert lighting_of(drive) == lighting


def test_names_of_split_files():
    assert split_file('train') == 'train_all.txt'
    assert split_file('val', 'day') == 'val_day_all.txt'
    assert split_file('test', None, None) == 'test.txt'


def test_a_split_file(tmp_path):
    path = tmp_path / 'train_all.txt'
    path.write_text(f'{DAY}/12_000000001_0\r\n\n{DAY}/11_5_0\n'
                    f'{DAY}/12_000000001_0\n')
    assert [str(frame) for frame in read_split(path)
            ] == [f'{DAY}/12_000000001_0', f'{DAY}/11_5_0']


@pytest.mark.parametrize('line, reason', [
    ('12_000000001_0', 'expected DRIVE/SECONDS_NANOSECONDS_CODE'),
    (f'{DAY}/12_000000001', 'expected DRIVE/SECONDS_NANOSECONDS_CODE'),
    (f'{DAY}/12_000000001_0_1', 'expected DRIVE/SECONDS_NANOSECONDS_CODE'),
    (f'{DAY}/12_1e9_0', 'expected DRIVE/SECONDS_NANOSECONDS_CODE'),
    (f'{DAY}/١٢_1_0', 'expected DRIVE/SECONDS_NANOSECONDS_CODE'),
    ('../12_000000001_0', 'leads out of the folder'),
    ('a/../12_000000001_0', 'expected DRIVE/SECONDS_NANOSECONDS_CODE'),
    (f'{DAY}/12_000000001_..\\x', 'has a separator'),
])
def test_lines_that_are_not_ids(tmp_path, line, reason):
    path = tmp_path / 'train_all.txt'
    path.write_text(f'{DAY}/11_000000001_0\n{line}\n')
    with pytest.raises(CorruptSampleError, match=reason) as caught:
        read_split(path)
    assert 'train_all.txt: line 2: ' in str(caught.value)


def test_a_split_file_that_is_missing_or_empty(tmp_path):
    path = tmp_path / 'train_all.txt'
    path.write_text(' \n')
    with pytest.raises(CorruptSampleError, match='names no frame'):
        read_split(path)
    with pytest.raises(ConfigError, match="did you mean 'train_all.txt'"):
        read_split(tmp_path / 'train_al.txt')
