import json

import numpy as np
import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.kitti import KittiInfos
from tests.helpers.kitti_scenes import (
    HEIGHT,
    LIDAR2CAM,
    P2,
    WIDTH,
    scene,
    write_infos,
)


@pytest.fixture(scope='module')
def labels():
    return scene(frames=4)[0]


def changed(path, labels, change) -> KittiInfos:
    """Infos of the labels after ``change(content)``."""
    content = json.loads(open(write_infos(path, labels)).read())
    change(content)
    path.write_text(json.dumps(content))
    return KittiInfos(path)


def test_labels_and_cameras(tmp_path, labels):
    infos = KittiInfos(write_infos(tmp_path / 'infos.json', labels))
    assert len(infos) == 4
    found = infos.labels(labels.frame_ids)
    assert found.frame_ids == labels.frame_ids
    for name in ('name', 'truncated', 'occluded', 'alpha', 'bbox',
                 'dimensions', 'location', 'rotation_y'):
        np.testing.assert_array_equal(getattr(found, name),
                                      getattr(labels, name))
    camera = infos.camera('000007')
    np.testing.assert_array_equal(camera.cam2img, P2)
    np.testing.assert_array_equal(camera.lidar2cam, LIDAR2CAM)
    assert (camera.width, camera.height) == (WIDTH, HEIGHT)


def test_an_object_that_mmdet3d_ignores(tmp_path, labels):
    """It has the label -1, and in KITTI no other name than DontCare."""

    def ignore(content):
        content['data_list'][1]['instances'][0]['bbox_label'] = -1

    infos = changed(tmp_path / 'infos.json', labels, ignore)
    assert infos.labels(['000007']).name[0] == 'DontCare'


@pytest.mark.parametrize('change, message', [
    (lambda c: c.pop('metainfo'), "missing: 'metainfo'"),
    (lambda c: c.pop('data_list'), "missing: 'data_list'"),
    (lambda c: c['metainfo']['categories'].update(Sign=-1),
     "'DontCare' and 'Sign' have the same label -1"),
    (lambda c: c['data_list'].append(c['data_list'][1]),
     'frame 000007 stands there twice'),
    (lambda c:
     (c['data_list'][1].pop('images'), c['data_list'][1].pop('lidar_points')),
     'entry 1 has neither'),
    (lambda c: c.update(data_list=[]), 'data_list is empty'),
    (lambda c: c['metainfo'].update(categories=['Car']), 'schema 1.1'),
    (lambda c: c['data_list'].insert(1, 3), 'entry 1 is not of the schema'),
    (lambda c: c['data_list'][1].update(images=[]), 'entry 1 is not of'),
    (lambda c: c['data_list'][1]['images']['CAM2'].update(
        img_path='../../000007.png'), r"entry 1: '../../000007.png' cannot"),
    (lambda c: c['data_list'][1]['images']['CAM2'].update(
        img_path='/etc/000007.png'), 'entry 1: .* it is not below'),
    (lambda c: c['data_list'][1]['images']['CAM2'].update(img_path=7),
     'entry 1: 7 cannot be used'),
])
def test_files_of_another_kind(tmp_path, labels, change, message):
    with pytest.raises(CorruptSampleError, match=message):
        changed(tmp_path / 'infos.json', labels, change)


def test_a_file_that_is_cut_off(tmp_path, labels):
    path = tmp_path / 'infos.json'
    write_infos(path, labels)
    path.write_text(path.read_text()[:500])
    with pytest.raises(CorruptSampleError, match='infos.json'):
        KittiInfos(path)


def test_json_that_is_nested_too_deep(tmp_path):
    (tmp_path / 'infos.json').write_text('[' * 100_000)
    with pytest.raises(CorruptSampleError, match='infos.json.*too deep'):
        KittiInfos(tmp_path / 'infos.json')


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
def test_every_encoding(tmp_path, labels, encoding):
    path = tmp_path / 'infos.json'
    write_infos(path, labels)
    path.write_text(path.read_text(), encoding=encoding)
    assert KittiInfos(path).frame_ids == labels.frame_ids


@pytest.mark.parametrize(
    'change, message',
    [(lambda i: i.pop('instances'), 'frame 000007 has no labels'),
     (lambda i: i['instances'][0].pop('occluded'), "'occluded'"),
     (lambda i: i['instances'][0].update(bbox_label=42), '42'),
     (lambda i: i['instances'][0].update(bbox=[1, 2, 3]), 'frame 000007: '),
     (lambda i: i['instances'][0].update(alpha='x'), "frame 000007: .*'x'"),
     (lambda i: i['instances'].append(3), 'frame 000007: '),
     (lambda i: i['instances'][0]['bbox'].__setitem__(0, float('nan')),
      'json: frame 000007, object 0: bbox is not a finite number')])
def test_labels_that_are_not_there(tmp_path, labels, change, message):
    infos = changed(tmp_path / 'infos.json', labels,
                    lambda c: change(c['data_list'][1]))
    with pytest.raises(CorruptSampleError, match=message):
        infos.labels(['000007'])


@pytest.mark.parametrize(
    'change, message',
    [(lambda i: i.pop('cam2img'), 'images.CAM2 has no cam2img'),
     (lambda i: i.update(cam2img=[[1, 2]]), 'cam2img of 3 rows'),
     (lambda i: i.update(cam2img=[[1, 2], [3]]), 'cam2img of 3 rows'),
     (lambda i: i['cam2img'][0].__setitem__(0, float('nan')), 'finite'),
     (lambda i: i['lidar2cam'][0].__setitem__(0, 'x'), 'finite'),
     (lambda i: i.update(lidar2cam=[[1, 2]]), 'lidar2cam of 4x4'),
     (lambda i: i.update(cam2img=np.zeros(
         (3, 4)).tolist()), 'CAM2.cam2img is 0 in all places'),
     (lambda i: i.update(lidar2cam=np.diag([1, 1, -1, 1]).tolist()),
      'CAM2.lidar2cam holds a reflection'),
     (lambda i: i.update(width=0), 'CAM2.width is 0'),
     (lambda i: i.update(height='9'), "CAM2.height is '9'")])
def test_cameras_that_are_not_there(tmp_path, labels, change, message):
    infos = changed(tmp_path / 'infos.json', labels,
                    lambda c: change(c['data_list'][1]['images']['CAM2']))
    with pytest.raises(CorruptSampleError, match=f'000007: .*{message}'):
        infos.camera('000007')


def test_an_unknown_frame(tmp_path, labels):
    infos = KittiInfos(write_infos(tmp_path / 'infos.json', labels))
    with pytest.raises(ConfigError, match="'000008'; did you mean '0000"):
        infos.camera('000008')
