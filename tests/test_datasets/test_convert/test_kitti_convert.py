import json
import multiprocessing
import os
import shutil
import signal

import cv2
import numpy as np
import pytest

from mmxkd.datasets.convert.kitti import NOT_SHOWN, convert
from mmxkd.datasets.convert.left_out import LeftOut
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.kitti.calibration import read_calibration
from mmxkd.formats.kitti.depth_maps import read_depth
from mmxkd.formats.kitti.layout import split_ids, splits_of
from mmxkd.formats.kitti.projection import project_depth
from mmxkd.formats.kitti.velodyne import read_scan
from mmxkd.io import journal
from mmxkd.synthetic import KittiSettings, write_kitti_dataset
from tests.helpers.kitti_tree import HEIGHT, LABELS, WIDTH, write_kitti


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    return write_kitti(tmp_path_factory.mktemp('kitti'))


@pytest.fixture
def root(source, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(source, tmp_path / 'kitti')


def run(root, out=None, **options):
    splits = {split: split_ids(root, split) for split in splits_of(root)}
    return convert(root, splits, out, **options)


def problems_of(root, **options):
    with pytest.raises(ExceptionGroup) as caught:
        run(root, **options)
    assert all(
        isinstance(e, CorruptSampleError) for e in caught.value.exceptions)
    assert not list(root.glob('kitti_infos_*'))
    return [str(e) for e in caught.value.exceptions]


def written(out):
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob('*')) if path.is_file()
    }


def test_info_files_of_all_splits(source, tmp_path):
    contents = run(source, tmp_path)
    assert sorted(written(tmp_path)) == [
        f'kitti_infos_{s}.json' for s in ('test', 'train', 'trainval', 'val')
    ]
    for split, content in contents.items():
        path = tmp_path / f'kitti_infos_{split}.json'
        assert json.loads(path.read_text()) == content
        assert content['metainfo']['split'] == split
        # A line for each frame, that tools for lines can be used on.
        assert len(
            path.read_text().splitlines()) == 3 + len(content['data_list'])
    ids = [i['sample_idx'] for i in contents['trainval']['data_list']]
    assert ids == [0, 1, 2, 3]
    counts = [len(i['instances']) for i in contents['trainval']['data_list']]
    assert counts == [len(lines) for lines in LABELS.values()]
    image = contents['val']['data_list'][1]['images']['CAM2']
    assert (image['img_path'], image['width'],
            image['height']) == ('000003.png', WIDTH, HEIGHT)
    assert [i['instances'] for i in contents['test']['data_list']] == [[], []]


def test_depth_maps_beside_the_images(source, tmp_path):
    run(source, tmp_path, depth=True)
    folder = source / 'training'
    points = read_scan(folder / 'velodyne/000002.bin')
    calibration = read_calibration(folder / 'calib/000002.txt')
    found = read_depth(tmp_path / 'training/depth_2/000002.png')
    expected = project_depth(points, calibration, HEIGHT, WIDTH)
    assert found.shape == (HEIGHT, WIDTH)
    assert np.abs(found - expected).max() <= 1 / 512
    assert (found > 0).sum() == (expected > 0).sum() > 300
    assert len(list((tmp_path / 'testing/depth_2').iterdir())) == 2


def test_workers_do_not_change_a_byte(source, tmp_path):
    run(source, tmp_path / 'a', depth=True, num_workers=1)
    run(source, tmp_path / 'b', depth=True, num_workers=2)
    assert written(tmp_path / 'a') == written(tmp_path / 'b')


def _killed(root, out, moment, number):
    """Convert until the ``number``-th time of a moment, and die."""
    seen = 0

    def at(function):

        def wrapped(*args, **kwargs):
            nonlocal seen
            seen += 1
            if seen == number:
                if moment == 'torn':
                    function(*args, **kwargs)
                    path = out / '.kitti_infos.progress'
                    os.truncate(path, path.stat().st_size - 40)
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return wrapped

    if moment == 'replace':
        os.replace = at(os.replace)
    else:
        journal.Journal.add = at(journal.Journal.add)
    run(root, out, depth=True)


# Six frames: six depth maps and, at the end, four info files are moved into
# place.
@pytest.mark.parametrize('moment, number, done', [('replace', 1, 0),
                                                  ('replace', 4, 3),
                                                  ('add', 1, 0), ('add', 6, 5),
                                                  ('torn', 1, 0),
                                                  ('torn', 4, 3),
                                                  ('replace', 8, 6),
                                                  ('replace', 10, 6)])
def test_killed_conversion_goes_on(source, tmp_path, capsys, moment, number,
                                   done):
    run(source, tmp_path / 'reference', depth=True)
    out = tmp_path / 'out'
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    child = multiprocessing.get_context('fork').Process(
        target=_killed, args=(source, out, moment, number))
    child.start()
    child.join()
    cv2.setNumThreads(threads)
    assert child.exitcode == -signal.SIGKILL
    assert written(out) != written(tmp_path / 'reference')
    capsys.readouterr()
    run(source, out, depth=True)
    shown = capsys.readouterr().out
    assert (f'{done} of 6 frames were done before' in shown) == (done > 0)
    assert written(out) == written(tmp_path / 'reference')


def test_only_what_was_repaired_is_read_again(root, capsys):
    path = root / 'training/velodyne/000002.bin'
    good = path.read_bytes()
    path.write_bytes(good[:-3])
    problems_of(root)
    path.write_bytes(good)
    run(root)
    assert '5 of 6 frames were done before' in capsys.readouterr().out
    assert not (root / '.kitti_infos.progress').exists()


def test_frame_that_was_changed_is_read_again(root):
    label = root / 'training/label_2/000003.txt'
    good = label.read_text()
    label.write_text('Car\n')
    problems_of(root)
    label.write_text(good)
    # Was done before, and is different now.
    (root / 'training/label_2/000000.txt').write_text(good)
    content = run(root)['train']
    assert len(content['data_list'][0]['instances']) == 1


def test_torn_journal_within_is_refused(root):
    (root / '.kitti_infos.progress').write_text('{"name": \n{}\n')
    with pytest.raises(ConfigError, match='progress: line 1 cannot be read'):
        run(root)


def test_all_problems_are_reported_at_once(root):
    base = root / 'training'
    scan = base / 'velodyne/000000.bin'
    scan.write_bytes(scan.read_bytes()[:-1])
    points = np.fromfile(base / 'velodyne/000001.bin', np.float32)
    points[21] = np.nan
    points.tofile(base / 'velodyne/000001.bin')
    image = base / 'image_2/000001.png'
    image.write_bytes(image.read_bytes()[:-100])
    calib = base / 'calib/000002.txt'
    lines = calib.read_text().splitlines()
    calib.write_text('\n'.join(x for x in lines if 'Tr_velo' not in x))
    (base / 'label_2/000003.txt').write_text('\nCra' + LABELS['000003'][0][3:])
    (root / 'testing/image_2/000001.png').write_bytes(b'')
    for workers in (1, 2):
        found = problems_of(root, num_workers=workers)
        expected = [
            ('testing/image_2/000001.png', 'cannot be decoded'),
            ('training/velodyne/000000.bin', 'expected a multiple of 16'),
            ('training/image_2/000001.png', 'cannot be decoded'),
            ('training/velodyne/000001.bin', 'NaN or Inf in 1 of 4000'),
            ('training/calib/000002.txt', 'Tr_velo_to_cam'),
            ('training/label_2/000003.txt',
             "line 2: unknown class 'Cra'; did you mean 'Car'")
        ]
        assert len(found) == len(expected)
        for text, (name, reason) in zip(found, expected, strict=True):
            assert name in text and reason in text


def test_missing_files_are_found_before_any_is_read(root):
    (root / 'training/calib/000001.txt').unlink()
    (root / 'training/label_2/000002.txt').unlink()
    (root / 'testing/velodyne/000000.bin').write_bytes(b'x')
    found = problems_of(root)
    assert [text.split('training/')[1] for text in found] == [
        'calib/000001.txt: no such file', 'label_2/000002.txt: no such file'
    ]
    assert not (root / '.kitti_infos.progress').exists()


def test_missing_folder(root):
    shutil.rmtree(root / 'training/velodyne')
    with pytest.raises(ConfigError, match='training/velodyne: no such folder'):
        run(root)


CAR = LABELS['000003'][0]


@pytest.mark.parametrize(
    'line, reason',
    [(CAR.replace('1.40 1.60', '-1 -1'), 'Car: expected a height, width and'),
     (CAR.replace('1.40 1.60', '-1.4 1.60'), 'negative size'),
     (CAR.replace('0.55 0 ', '0.55 4 '), 'Car: expected an occlusion of 0, 1'),
     (CAR.replace('0.55 0 ', '0.55 0.5 '), 'Car: expected an occlusion'),
     (CAR.replace('0.55 0 ', '1.55 0 '), 'Car: expected a truncation between'),
     (CAR.replace('319.00', '100.00'), 'the box ends before it begins'),
     (CAR.replace(' 5.00', ' inf'), 'location is not a finite number'),
     (CAR + ' 0.9', 'expected 15 fields, found 16')])
def test_bad_label_names_file_and_line(root, line, reason):
    path = root / 'training/label_2/000003.txt'
    path.write_text(f'{LABELS["000000"][-1]}\n\n{CAR}\n{line}\n')
    assert line != CAR
    text, = problems_of(root)
    assert f'{path}: line 4: {reason}' in text


def test_object_in_the_plane_of_the_camera(root):
    """z + P2[2, 3] is 0: its centre has no place in the image."""
    path = root / 'training/label_2/000002.txt'
    path.write_text('\n' + path.read_text() +
                    ('Misc 0 0 0.1 1 2 30 40 1.5 1.6 3.9 1 1.4 -0.003 0.4\n'))
    problem, = problems_of(root)
    assert f'{path}: line 7: the centre lies in the plane' in problem


@pytest.mark.parametrize('depth', [False, True])
def test_points_too_far_to_be_projected(root, depth):
    path = root / 'training/velodyne/000002.bin'
    points = read_scan(path)
    points[:9, :3] = 3e38
    points.tofile(path)
    problem, = problems_of(root, depth=depth)
    assert f'{path}: coordinates beyond 1000 m in 9 of 4000' in problem


@pytest.mark.parametrize(
    'image, found', [(np.zeros(
        (20, 30), np.uint8), 'uint8 of the shape (20, 30)'),
                     (np.zeros((20, 30, 3), np.uint16), 'uint16'),
                     (np.zeros((20, 30, 4), np.uint8), '(20, 30, 4)')])
def test_image_of_another_kind(root, image, found):
    path = root / 'training/image_2/000001.png'
    assert cv2.imwrite(str(path), image)
    text, = problems_of(root)
    assert str(path) in text and found in text


def test_depth_that_the_file_cannot_hold(root):
    points = np.array([[300., 0., 0., .5]], np.float32)
    points.tofile(root / 'training/velodyne/000001.bin')
    text, = problems_of(root, depth=True)
    assert 'velodyne/000001.bin' in text and 'cannot be written' in text


def test_frame_in_train_and_in_val(root):
    (root / 'ImageSets/val.txt').write_text('000002\n')
    with pytest.raises(ConfigError, match='train and in val: 000002'):
        run(root)


def test_real_frame(shared_data, tmp_path):
    sample = shared_data / 'kitti_sample'
    content = convert(sample, {'train': ['000000']}, tmp_path, depth=True)
    info, = content['train']['data_list']
    assert info['instances'][0]['bbox'] == [712.4, 143.0, 810.73, 307.92]
    depth = read_depth(tmp_path / 'training/depth_2/000000.png')
    assert depth.shape == (370, 1224)
    # The pedestrian stands 8.41 m away, and is hit by the scan.
    person = depth[143:308, 712:811]
    hits = person[(person > 7.9) & (person < 8.9)]
    assert len(hits) > 200


def test_synthetic_frames_pass_every_check(tmp_path):
    settings = KittiSettings(train=2, val=1, test=1, scale=.25,
                             azimuth_step=1.)
    write_kitti_dataset(tmp_path, settings)
    contents = run(tmp_path, depth=True)
    assert [len(c['data_list']) for c in contents.values()] == [2, 1, 3, 1]
    instances = [
        i for info in contents['trainval']['data_list']
        for i in info['instances'] if i['bbox_label'] >= 0
    ]
    assert any(i['num_lidar_pts'] > 10 for i in instances)
    assert {i['difficulty'] for i in instances} > {-1}


def test_what_has_no_box_in_the_picture_is_counted(root, tmp_path):
    path = root / 'training/label_2/000002.txt'
    path.write_text(path.read_text()
                    + 'Misc 0 0 0.1 1 2 30 40 1.5 1.6 3.9 1 1.4 -9 0.4\n'
                    'Van 0 0 0.1 1 2 30 40 1.5 1.6 3.9 900 1.4 9 0.4\n')
    left_out = LeftOut()
    content = run(root, tmp_path / 'out', left_out=left_out)
    for split, part in content.items():
        missing = sum(
            sum(i['bbox_label'] >= 0 for i in info['instances'])
            - len(info['cam_instances']['CAM2']) for info in part['data_list'])
        assert sum(left_out.counts(split).values()) == missing
    assert left_out.counts('train') == {('Misc', NOT_SHOWN): 1,
                                        ('Van', NOT_SHOWN): 1}
    assert left_out.counts('val') == {}
