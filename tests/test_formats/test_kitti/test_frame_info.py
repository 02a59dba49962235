import json
import math

import numpy as np
import pytest

from mmxkd.formats.kitti import read_label_file
from mmxkd.formats.kitti.calibration import read_calibration
from mmxkd.formats.kitti.camera_boxes import CameraBoxes
from mmxkd.formats.kitti.frame_info import (
    frame_info,
    metainfo_of,
    points_in_boxes,
)
from mmxkd.formats.kitti.velodyne import read_scan
from tests.helpers.kitti_tree import (
    HEIGHT,
    LABELS,
    P2,
    R0,
    TR,
    WIDTH,
    write_kitti,
)
from tests.helpers.stacks import needs

CLASSES = ('Pedestrian', 'Cyclist', 'Car', 'Van', 'Truck', 'Person_sitting',
           'Tram', 'Misc')


def lines_of(folder, frame_id):
    text = (folder / f'label_2/{frame_id}.txt').read_text()
    return [line.split() for line in text.splitlines()]


def info_of(folder, frame_id, size=(WIDTH, HEIGHT)):
    return frame_info(frame_id, size,
                      read_calibration(folder / f'calib/{frame_id}.txt'),
                      read_scan(folder / f'velodyne/{frame_id}.bin'),
                      read_label_file(folder / f'label_2/{frame_id}.txt'))


def write_infos(folder, frame_ids, path, **kwargs):
    path.write_text(
        json.dumps({
            'metainfo': metainfo_of('train'),
            'data_list': [info_of(folder, i, **kwargs) for i in frame_ids]
        }))
    return path


def homogeneous(matrix):
    square = np.eye(4)
    square[:len(matrix), :np.shape(matrix)[1]] = matrix
    return square


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_kitti(tmp_path_factory.mktemp('kitti')) / 'training'


def test_matrices_and_files(folder):
    info = info_of(folder, '000002')
    image, scan = info['images']['CAM2'], info['lidar_points']
    assert info['sample_idx'] == 2
    assert (image['width'], image['height']) == (WIDTH, HEIGHT)
    assert image['img_path'] == '000002.png'
    assert scan == {'lidar_path': '000002.bin', 'num_pts_feats': 4}
    lidar2cam = homogeneous(R0) @ homogeneous(TR)
    np.testing.assert_allclose(image['cam2img'], homogeneous(P2), atol=1e-12)
    np.testing.assert_allclose(image['lidar2cam'], lidar2cam, atol=1e-12)
    np.testing.assert_allclose(image['lidar2img'],
                               homogeneous(P2) @ lidar2cam, atol=1e-9)


def test_every_line_becomes_an_instance(folder):
    for frame_id in LABELS:
        instances = info_of(folder, frame_id)['instances']
        lines = lines_of(folder, frame_id)
        assert len(instances) == len(lines)
        objects = 0
        for k, (found, line) in enumerate(zip(instances, lines, strict=True)):
            name, values = line[0], [float(v) for v in line[1:]]
            label = -1 if name == 'DontCare' else CLASSES.index(name)
            assert found['bbox_label'] == found['bbox_label_3d'] == label
            assert [found[key] for key in ('truncated', 'occluded', 'alpha')
                    ] == values[:3]
            assert found['bbox'] == values[3:7]
            height, width, length, x, y, z, yaw = values[7:]
            assert found['bbox_3d'] == [x, y, z, length, height, width, yaw]
            assert found['group_id'] == k
            assert found['index'] == (-1 if label < 0 else objects)
            objects += label >= 0
            if label >= 0:
                u, v, depth = P2 @ [x, y - height / 2, z, 1]
                assert found['center_2d'] == pytest.approx(
                    [u / depth, v / depth])
                assert found['depth'] == pytest.approx(z + .003)
    assert [i['difficulty'] for i in info_of(folder, '000000')['instances']
            ] == [0, 1, 2, 0, -1]


def test_categories_of_mmdet3d():
    categories = metainfo_of('val')['categories']
    assert categories == {
        **{n: k for k, n in enumerate(CLASSES)}, 'DontCare': -1
    }
    assert metainfo_of('val')['info_version'] == '1.1'


def test_points_in_a_box_against_a_loop():
    rng = np.random.default_rng(1)
    points = rng.uniform(-4, 4, (3000, 3))
    boxes = CameraBoxes(np.array([[.5, 1., .2], [-1., 2., 1.]]),
                        np.array([[1.5, 1.6, 4.], [2., .6, .8]]),
                        np.array([.7, -2.]))
    expected = []
    for (x, y, z), (h, w, length), yaw in zip(*boxes, strict=True):
        # KITTI's rotation about y takes the box to the camera; undo it.
        turn = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0],
                         [-math.sin(yaw), 0, math.cos(yaw)]])
        count = 0
        for point in points:
            a, b, c = turn.T @ (point - [x, y, z])
            count += (abs(a) <= length / 2 and abs(c) <= w / 2
                      and -h <= b <= 0)
        expected.append(count)
    assert min(expected) > 3
    assert points_in_boxes(points, boxes).tolist() == expected


def test_only_points_in_the_picture_count(folder):
    # The whole scan lies in one box; the picture shows a part of it.
    points = read_scan(folder / 'velodyne/000003.bin')
    camera = (
        homogeneous(R0) @ homogeneous(TR)
        @ np.column_stack([points[:, :3], np.ones(len(points))]).T)[:3]
    u, v, w = P2[:, :3] @ camera + P2[:, 3:]
    seen = np.count_nonzero((camera[2] > 0) & (u / w >= 0) & (u / w < WIDTH)
                            & (v / w >= 0)
                            & (v / w < HEIGHT))
    objects = read_label_file(folder / 'label_2/000003.txt')
    objects.dimensions[:] = 1000.
    objects.location[:] = [0, 500, 0]
    info = frame_info('000003', (WIDTH, HEIGHT),
                      read_calibration(folder / 'calib/000003.txt'), points,
                      objects)
    assert 0 < seen < len(points)
    assert info['instances'][0]['num_lidar_pts'] == seen
    assert all(i['num_lidar_pts'] == -1
               for i in info_of(folder, '000000')['instances']
               if i['bbox_label'] < 0)


def test_boxes_of_the_camera_are_those_of_mmdet3d(folder):
    utils = needs('mmdet3d.datasets.convert_utils')
    for frame_id in LABELS:
        objects = read_label_file(folder / f'label_2/{frame_id}.txt')
        found = info_of(folder, frame_id)['cam_instances']['CAM2']
        annos = dict(name=objects.name, occluded=objects.occluded,
                     location=objects.location, rotation_y=objects.rotation_y,
                     dimensions=objects.dimensions[:, [2, 0, 1]])
        expected = utils.get_kitti_style_2d_boxes(
            dict(
                calib=dict(P2=homogeneous(P2)),
                # Pixels end at the width there, and here before it.
                image=dict(image_idx=int(frame_id),
                           image_shape=(HEIGHT - 1, WIDTH - 1))),
            annos=annos)
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert a.keys() == b.keys()
            for key in a:
                np.testing.assert_allclose(a[key], b[key], rtol=1e-5)


def mmdet3d_dataset(path, **kwargs):
    datasets = needs('mmdet3d.datasets')
    return datasets.KittiDataset(
        data_root=str(path.parent), ann_file=path.name,
        data_prefix=dict(pts='training/velodyne', img='training/image_2'),
        filter_empty_gt=False, **kwargs)


def check_lidar_boxes(dataset, folder, frame_ids):
    """What mmdet3d has read against the text of the label files."""
    for index, frame_id in enumerate(frame_ids):
        calibration = read_calibration(folder / f'calib/{frame_id}.txt')
        to_lidar = np.linalg.inv(
            homogeneous(calibration.R0_rect)
            @ homogeneous(calibration.Tr_velo_to_cam))
        annotations = dataset.get_ann_info(index)
        boxes = annotations['gt_bboxes_3d'].tensor.numpy()
        lines = [
            line for line in lines_of(folder, frame_id)
            if line[0] != 'DontCare'
        ]
        assert len(boxes) == len(lines)
        for box, label, line in zip(boxes, annotations['gt_labels_3d'], lines,
                                    strict=True):
            assert dataset.METAINFO['classes'][label] == line[0]
            height, width, length, *position, yaw = map(float, line[8:])
            place = (to_lidar @ [*position, 1])[:3]
            np.testing.assert_allclose(box[:3], place, atol=1e-4)
            np.testing.assert_allclose(box[3:6], [length, width, height],
                                       atol=1e-6)
            turn = (box[6] + yaw + math.pi / 2) % (2 * math.pi)
            assert min(turn, 2 * math.pi - turn) < 1e-5


def test_mmdet3d_reads_the_labelled_boxes(folder):
    path = write_infos(folder, LABELS, folder.parent / 'infos.json')
    dataset = mmdet3d_dataset(path)
    assert len(dataset) == len(LABELS)
    check_lidar_boxes(dataset, folder, LABELS)
    info = dataset.get_data_info(2)
    assert info['lidar_path'] == f'{folder}/velodyne/000002.bin'


def test_mmdet3d_reads_what_a_monocular_detector_needs(folder):
    path = write_infos(folder, ['000000', '000002'],
                       folder.parent / 'mono.json')
    dataset = mmdet3d_dataset(
        path, modality=dict(use_lidar=False, use_camera=True),
        load_type='fov_image_based', box_type_3d='Camera',
        metainfo=dict(classes=['Pedestrian', 'Cyclist', 'Car']))
    info = dataset.get_data_info(0)
    assert info['img_path'] == f'{folder}/image_2/000000.png'
    np.testing.assert_allclose(info['cam2img'], homogeneous(P2))
    found = info['ann_info']
    assert found['gt_labels_3d'].tolist() == [2, 0]
    np.testing.assert_allclose(
        found['gt_bboxes_3d'].tensor.numpy(),
        [[-1.5, 1.2, 9., 4., 1.5, 1.6, 1.7], [2.5, 1.3, 8., .8, 1.75, .6, .6]],
        atol=1e-6)
    assert found['gt_bboxes'].shape == (2, 4)
    assert (found['depths'] > 7).all()


def test_mmdet3d_reads_the_real_frame(shared_data, tmp_path):
    folder = shared_data / 'kitti_sample/training'
    path = write_infos(folder, ['000000'], tmp_path / 'infos.json',
                       size=(1224, 370))
    info = info_of(folder, '000000', (1224, 370))
    # mmdet3d and others count 377: they turn boxes into the LiDAR's frame
    # as if its axes were parallel to the camera's.
    assert info['instances'][0]['num_lidar_pts'] == pytest.approx(377, abs=2)
    box = info['cam_instances']['CAM2'][0]['bbox']
    np.testing.assert_allclose(box, info['instances'][0]['bbox'], atol=10)
    check_lidar_boxes(mmdet3d_dataset(path), folder, ['000000'])
