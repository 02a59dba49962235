import json

import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.stf.layout import StfLayout

FRAME = '2018-02-03_20-48-35_00400'


def _touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _frame_files(frame, gated='rect8', suffix='png'):
    return [
        f'cam_stereo_left_lut/{frame}.png',
        *(f'gated{k}_{gated}/{frame}.{suffix}' for k in range(3)),
        f'gt_labels/gated_labels_TMP/{frame}.txt',
        f'gt_labels/cam_left_labels_TMP/{frame}.txt'
    ]


@pytest.fixture
def root(tmp_path):
    _touch(tmp_path, *_frame_files(FRAME))
    (tmp_path / 'splits').mkdir()
    return tmp_path


def test_files_of_a_frame(root):
    frame, = StfLayout(root).find([FRAME])
    assert frame.rgb == root / 'cam_stereo_left_lut' / f'{FRAME}.png'
    assert frame.gated == tuple(root / f'gated{k}_rect8' / f'{FRAME}.png'
                                for k in range(3))
    assert frame.labels.parent.name == 'gated_labels_TMP'
    # Both are rectified already.
    assert frame.rgb_calibration is None and frame.gated_calibration is None
    frame, = StfLayout(root, label_frame='rgb').find([FRAME])
    assert frame.labels.parent.name == 'cam_left_labels_TMP'


def test_raw_slices_bring_their_calibration(root):
    _touch(root, *_frame_files(FRAME, 'raw', 'tiff'), 'calib_gated_bwv.json')
    frame, = StfLayout(root, gated='raw').find([FRAME])
    assert frame.gated[2] == root / 'gated2_raw' / f'{FRAME}.tiff'
    assert frame.gated_calibration == root / 'calib_gated_bwv.json'


def test_rect8_is_preferred_over_raw(root):
    _touch(root, *_frame_files(FRAME, 'raw', 'tiff'))
    assert StfLayout(root).gated_source == 'rect8'


def test_second_label_release_is_found(tmp_path):
    _touch(tmp_path,
           *_frame_files(FRAME)[:4],
           f'gt_labels/gated_labels_TMPv2/{FRAME}.txt')
    frame, = StfLayout(tmp_path).find([FRAME])
    assert frame.labels.parent.name == 'gated_labels_TMPv2'


def test_missing_files_are_all_named(root):
    (root / 'gated1_rect8' / f'{FRAME}.png').unlink()
    (root / 'gt_labels/gated_labels_TMP' / f'{FRAME}.txt').unlink()
    with pytest.raises(CorruptSampleError) as caught:
        StfLayout(root).find([FRAME])
    text = str(caught.value)
    assert FRAME in text
    assert f'gated1_rect8/{FRAME}.png' in text
    assert f'gated_labels_TMP/{FRAME}.txt' in text
    assert 'gated0_rect8' not in text


def test_unlabelled_frames_must_be_asked_for(root):
    (root / 'gt_labels/gated_labels_TMP' / f'{FRAME}.txt').unlink()
    frame, = StfLayout(root).find([FRAME], allow_unlabelled=True)
    assert frame.labels is None


def test_comma_ids_and_empty_lines(root):
    (root / 'splits/a.txt'
     ).write_text('2018-02-03_20-48-35,00400\n\n2018-02-03_20-48-35,00500\n')
    assert StfLayout(root).split_ids('a') == [
        FRAME, '2018-02-03_20-48-35_00500'
    ]
    # A file anywhere works as well.
    assert len(StfLayout(root).split_ids(str(root / 'splits/a.txt'))) == 2


def test_misspelt_split_offers_the_nearest(root):
    _touch(root, 'splits/train_clear_night.txt')
    with pytest.raises(ConfigError, match="mean 'train_clear_night'"):
        StfLayout(root).split_ids('train_clear_nigth')


def test_missing_folders(tmp_path):
    with pytest.raises(ConfigError, match='no such folder'):
        StfLayout(tmp_path / 'none')
    _touch(tmp_path, 'cam_stereo_left_lut/a.png')
    with pytest.raises(ConfigError, match='no gated images: .*gated0_rect8'):
        StfLayout(tmp_path)
    with pytest.raises(ConfigError, match="did you mean 'rect8'"):
        StfLayout(tmp_path, gated='rect_8')


def test_conditions_come_from_the_label_tool(root):
    path = root / 'labeltool_labels' / f'{FRAME}.json'
    path.parent.mkdir()
    path.write_text(
        json.dumps({
            'daytime': {'day': False, 'night': True},
            'weather': {'clear': True, 'rain': True, 'snow': False}
        }))
    assert StfLayout(root).conditions(FRAME) == ('rain', 'night')
    path.write_text('{"weather": 3}')
    with pytest.raises(CorruptSampleError, match='cannot be read'):
        StfLayout(root).conditions(FRAME)


def test_conditions_fall_back_to_the_official_splits(root):
    for name, ids in (('light_fog_night', '2018-02-03_20-48-35,00400'),
                      ('rain', '2018-02-03_20-48-35,00400'),
                      ('train_clear_day', '2018-02-03_20-48-35,00500')):
        (root / f'splits/{name}.txt').write_text(ids)
    layout = StfLayout(root)
    assert layout.conditions(FRAME) == ('light_fog', 'night')
    assert layout.conditions('2018-02-03_20-48-35_00500') == ('clear', 'day')
    assert layout.conditions('other') == ('unknown', 'unknown')


@pytest.mark.parametrize(
    'name',
    ['../../../a,00400', '/tmp/a', '..', 'a/b', 'a\\b', 'a\u202eb', 'C:a'])
def test_ids_that_lead_out_of_the_folders_are_refused(root, name):
    (root / 'splits/a.txt').write_text(f'{FRAME}\n\n{name}\n',
                                       encoding='utf-8')
    with pytest.raises(CorruptSampleError, match='a.txt: line 3: .*cannot be'):
        StfLayout(root).split_ids('a')
    with pytest.raises(CorruptSampleError, match='frame id: .*cannot be used'):
        StfLayout(root).find([name])


@pytest.mark.parametrize('content', ['', '\n \n'])
def test_an_empty_list_is_refused(root, content):
    (root / 'splits/a.txt').write_text(content)
    with pytest.raises(CorruptSampleError, match='a.txt: holds no frame id'):
        StfLayout(root).split_ids('a')


def test_empty_lists_tell_nothing_of_conditions(root):
    (root / 'splits/snow_day.txt').write_text('')
    assert StfLayout(root).conditions(FRAME) == ('unknown', 'unknown')


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
def test_lists_of_every_encoding(root, encoding):
    (root / 'splits/a.txt').write_text(f'{FRAME}\r\n', encoding=encoding)
    assert StfLayout(root).split_ids('a') == [FRAME]


def test_conditions_that_are_nested_too_deep(root):
    path = root / 'labeltool_labels' / f'{FRAME}.json'
    path.parent.mkdir()
    path.write_text('[' * 100_000)
    with pytest.raises(CorruptSampleError, match=f'{FRAME}.json.*too deep'):
        StfLayout(root).conditions(FRAME)
