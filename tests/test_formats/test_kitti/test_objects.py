import numpy as np
import pytest

from mmxkd.formats.kitti import KittiObjects
from mmxkd.formats.kitti.objects import ranges

FRAMES = {
    '000004': dict(name=['car', 'DONTCARE'],
                   bbox=[[0, 1, 2, 3], [4, 5, 6, 7]]), '000002': dict(name=[]),
    '000009': dict(name=['Tram'], bbox=[[1, 1, 8, 8]], occluded=[2])
}


def test_absent_columns_hold_what_kitti_writes():
    objects = KittiObjects.from_frames(FRAMES)
    assert objects.frame_ids == ('000004', '000002', '000009')
    assert objects.frame.tolist() == [0, 0, 2]
    assert objects.name.tolist() == ['Car', 'DontCare', 'Tram']
    assert objects.alpha.tolist() == [-10] * 3
    assert objects.occluded.tolist() == [-1, -1, 2]
    assert objects.location.tolist() == [[-1000] * 3] * 3
    assert objects.score is None


def test_some_frames_in_another_order():
    objects = KittiObjects.from_frames(FRAMES).of_frames(
        ['000009', '000002', '000004'])
    assert objects.name.tolist() == ['Tram', 'Car', 'DontCare']
    assert objects.frame.tolist() == [0, 2, 2]
    assert objects.bbox[0].tolist() == [1, 1, 8, 8]
    assert len(objects.of_frame('000002')) == 0
    with pytest.raises(KeyError, match="did you mean '000009'"):
        objects.of_frame('00009')


def test_ranges():
    assert ranges(np.array([3, 9, 0]),
                  np.array([2, 0, 3])).tolist() == [3, 4, 0, 1, 2]
    assert ranges(np.array([], int), np.array([], int)).tolist() == []


@pytest.mark.parametrize(
    ('columns', 'message'),
    [(dict(name=['Car'], box=[[1, 2, 3, 4]]), "column 'box'; did you mean"),
     (dict(bbox=[[1, 2, 3, 4]]), "no 'name' is given"),
     (dict(name=['Car'], score=[.5]), "unknown column 'score'"),
     (dict(name=['Car'], bbox=[1, 2, 3, 4]),
      r'bbox has the shape \(4,\), expected \(1, 4\)'),
     (dict(name=['Car'], alpha=[1, 2]), r'alpha has the shape \(2,\)'),
     (dict(name=['Car', 'Bus']), "object 1: unknown class 'Bus'"),
     (dict(name=['Pedestrain']), "did you mean 'Pedestrian'"),
     (dict(name=['Car'], bbox=[[3, 2, 1, 4]]), 'ends before it begins'),
     (dict(name=['Car'], bbox=[[1, 2, np.nan, 4]]), 'bbox is not a finite'),
     (dict(name=['Car'], rotation_y=[np.inf]), 'rotation_y is not a finite'),
     (dict(name=['Car'], dimensions=[[1, -2, 1]]), 'negative size')])
def test_faults_name_the_frame(columns, message):
    with pytest.raises(ValueError, match='frame 000007.*' + message):
        KittiObjects.from_frames(
            {'000001': dict(name=['Van']), '000007': columns})


def test_detections_need_finite_scores():
    with pytest.raises(ValueError, match="frame 000001: no 'score'"):
        KittiObjects.from_frames({'000001': dict(name=['Car'])}, scored=True)
    with pytest.raises(ValueError, match='score is not a finite number'):
        KittiObjects.from_frames(
            {'000001': dict(name=['Car'], score=[np.nan])}, scored=True)
