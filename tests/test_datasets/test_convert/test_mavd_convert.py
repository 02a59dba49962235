"""The converter of MAVD: its index, its report and its settings."""
import json
import shutil

import pytest

from mmxkd.datasets.convert.mavd import MavdSettings, convert
from mmxkd.datasets.convert.mavd_report import (
    NO_LIGHTING,
    SHORT,
    BadFilesError,
    check_splits_apart,
)
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.mavd.layout import FrameId, picture_path, sound_path
from tests.helpers.mavd_run import (
    FIRST,
    SOUND,
    converted,
    index_of,
    picture,
    run,
    tree,
    write_picture,
)
from tests.helpers.mavd_tree import DAY, NIGHT, frames_of


def test_the_index(drives, tmp_path):
    run(drives, tmp_path)
    index = index_of(tmp_path)
    assert 'annotations' not in index
    assert index['categories'] == [dict(id=1, name='car')]
    assert [image['id'] for image in index['images']] == [1, 2, 3]
    assert index['images'][0] == dict(
        id=1, file_name=picture_path('rgb', FIRST, '.png'), width=60,
        height=24, frame_id=str(FIRST), drive=DAY, lighting='day',
        time=1587478000100000000, columns=[0, 60], picture_width=60,
        sound_file=sound_path(FIRST), thermal_bits=16,
        thermal_file=picture_path('thermal', FIRST, '.png'),
        depth_file=picture_path('depth', FIRST, '.png'))
    assert {i['lighting']
            for i in index_of(tmp_path, 'val')['images']} == {'night'}


def test_workers_do_not_change_a_byte(drives, tmp_path):
    run(drives, tmp_path / 'one')
    run(drives, tmp_path / 'two', workers=2)
    assert tree(tmp_path / 'one') == tree(tmp_path / 'two')


def test_true_boxes_are_cut_to_the_frame_and_never_in_train(drives, tmp_path):
    report = run(drives, tmp_path, truth=drives / 'truth.json',
                 columns=(20, 40))
    images = index_of(tmp_path, 'val_truth')['images']
    assert images == index_of(tmp_path, 'val')['images']
    assert (images[0]['width'], images[0]['columns']) == (20, [20, 40])
    # x 10..30 of the picture is -10..10 of the frame.
    boxes = index_of(tmp_path, 'val_truth')['annotations']
    assert [box['bbox'] for box in boxes] == [[0, 4, 10, 10]] * 2
    assert [box['area'] for box in boxes] == [100, 100]
    assert {box['instance_id'] for box in boxes} == {7}
    assert not (tmp_path / 'annotations/train_truth.json').exists()
    assert 'true boxes outside of the frame' not in report.totals
    report = run(drives, tmp_path, truth=drives / 'truth.json',
                 columns=(30, 60))
    assert report.totals['true boxes outside of the frame'] == 3
    assert index_of(tmp_path, 'val_truth')['annotations'] == []


def test_truth_of_other_frames_writes_nothing(drives, tmp_path):
    truth = json.loads((drives / 'truth.json').read_text())
    truth['images'][-1]['frame_id'] = 'drive_day_1/1_2_3'
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps(truth))
    with pytest.raises(ConfigError, match='has no frame .drive_day_2020'):
        run(drives, tmp_path / 'out', truth=path)
    assert not (tmp_path / 'out/annotations/train.json').exists()


@pytest.mark.parametrize('change, message', [
    (lambda truth: truth['images'][4].update(width=1920, height=1080),
     'boxes are for 1920x1080 pixels, but the colour picture has 60x24'),
    (lambda truth: truth['images'][4].update(
        frame_id=truth['images'][3]['frame_id']),
     r'images\[4\] has the frame_id .*of images\[3\]'),
    (lambda truth: truth['images'][4].update(frame_id='drive_day_1'),
     r'images\[4\]: expected DRIVE/SECONDS'),
])  # yapf: disable
def test_truth_of_other_pictures(drives, tmp_path, change, message):
    truth = json.loads((drives / 'truth.json').read_text())
    change(truth)
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps(truth))
    with pytest.raises(CorruptSampleError, match=message):
        run(drives, tmp_path / 'out', truth=path)
    assert not (tmp_path / 'out/annotations/train.json').exists()


def test_a_truth_that_is_not_there_is_noticed_before_the_work(
        drives, tmp_path, monkeypatch):
    seen = converted(monkeypatch)
    with pytest.raises(CorruptSampleError, match='none.json: cannot be read'):
        run(drives, tmp_path, truth=tmp_path / 'none.json')
    assert not seen


def test_frames_without_thermal_or_depth_are_kept_and_listed(root):
    second = frames_of('train')[1]
    picture(root, 'thermal').unlink()
    (root / picture_path('depth', second, '.png')).unlink()
    report = run(root)
    assert report.told == dict(
        train={
            'has no thermal picture (kept)': [str(FIRST)],
            'has no depth picture (kept)': [str(second)]
        })
    images = index_of(root)['images']
    assert (images[0]['thermal_file'], images[0]['thermal_bits']) == (None,
                                                                      None)
    assert images[1]['depth_file'] is None and images[1]['thermal_file']


def test_a_camera_is_missing_for_one_drive(root):
    shutil.rmtree(root / NIGHT / 'fl_ir_aligned')
    report = run(root)
    assert report.told == dict(
        val={'has no thermal picture (kept)': [*map(str, frames_of('val'))]})
    shutil.rmtree(root / NIGHT / 'fl_rgb')
    with pytest.raises(BadFilesError) as caught:
        run(root)
    assert [bad['file'] for bad in caught.value.report.bad
            ] == [picture_path('rgb', f) for f in frames_of('val')]


def test_a_drive_that_says_neither_day_nor_night_is_told(root):
    (root / NIGHT).rename(root / 'drive_2020')
    for path in (root / 'val_all.txt', root / 'truth.json'):
        path.write_text(path.read_text().replace(NIGHT, 'drive_2020'))
    report = run(root, truth=root / 'truth.json')
    names = [f'drive_2020/{f.stamp}' for f in frames_of('val')]
    assert report.told == dict(val={NO_LIGHTING: names})
    assert index_of(root, 'val')['images'][0]['lighting'] == 'unknown'


def test_thermal_of_8_bits_is_told(root):
    write_picture(root, 'thermal', (24, 60))
    report = run(root)
    assert report.totals['frames with thermal of 8 bits'] == 1
    assert [i['thermal_bits'] for i in index_of(root)['images']] == [8, 16, 16]


def test_absent_frames_short_stamps_and_frames_of_two_splits(root):
    path = root / 'train_all.txt'
    absent = f'{DAY}/1587478099_100000000_0'
    short = f'{DAY}/1587478098_10000000_0'
    path.write_text(f'{path.read_text()}{short}\n{absent}\n')
    with pytest.raises(BadFilesError) as caught:
        run(root)
    bad = caught.value.report.bad
    assert {b['frame'] for b in bad} == {absent}
    assert len(bad) == 9 and {b['reason'] for b in bad} == {
        'there is no such file, nor one in .wav or .flac',
        'there is no such file, nor one in .png'
    }
    report = run(root, leave_out_bad=True)
    assert report.frames['train'] == 3 and len(report.bad) == 9
    assert report.told['train'] == {SHORT: [short]}
    splits = dict(train=frames_of('train'), val=frames_of('train')[1:2])
    (told, ) = check_splits_apart(splits)
    assert told.startswith(f'1 frames are in train and in val, the first of '
                           f'them {frames_of("train")[1]}')


def test_ten_digits_are_a_later_second(root):
    """Its files have the stamp as it is, and its place is that of its time."""
    frame = FrameId(DAY, '1587477999_2100000000_0')
    for path in [*root.rglob(f'*{FIRST.stamp}*')]:
        shutil.copy(path, str(path).replace(FIRST.stamp, frame.stamp))
    with open(root / 'train_all.txt', 'a') as file:
        file.write(f'{frame}\n')
    run(root)
    images = index_of(root)['images']
    assert [i['time'] - 1587478000100000000
            for i in images] == [0, 1000000000, 1000000001, 2000000002]
    assert images[1]['frame_id'] == str(frame)


def test_no_frame_is_left(root):
    shutil.rmtree(root / DAY)
    with pytest.raises(ConfigError, match='no frame of train is left'):
        run(root, splits=('train', ), leave_out_bad=True)
    with pytest.raises(ConfigError, match='no such folder'):
        convert(root / 'none', {}, MavdSettings(SOUND))


def test_other_settings_need_another_folder(root):
    run(root)
    with pytest.raises(ConfigError, match="store='waveform' there, "
                       "'spectrogram' now"):
        run(root, store='spectrogram')
    run(root, columns=(0, 30))  # Arrays do not depend on it.
    assert index_of(root)['images'][0]['width'] == 30
