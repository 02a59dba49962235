import pytest

from mmxkd.formats.stf.coco import (
    CUT,
    NO_AREA,
    OTHER_CAMERA,
    OUTSIDE,
    REVERSED,
    LabelledFrame,
    coco_annotations,
    move_labels,
    sort_labels,
)
from mmxkd.formats.stf.labels import StfLabel


def _frame(*labels, frame_id='a'):
    return LabelledFrame(frame_id, (320, 192), 'snow', 'night', labels)


PERSON = StfLabel('Pedestrian', (10, 20, 30, 60), occluded=1)
GROUP = StfLabel('Pedestrian_is_group', (0, 0, 50, 50))
CAR = StfLabel('PassengerCar', (1, 1, 9, 9))


def test_annotations_and_images():
    content = coco_annotations(
        [_frame(PERSON, CAR, GROUP),
         _frame(frame_id='b')], ['Pedestrian'])
    assert content['categories'] == [{'id': 1, 'name': 'pedestrian'}]
    assert content['images'][0] == {
        'id': 1, 'file_name': 'images/a.png', 'width': 320, 'height': 192,
        'frame_id': 'a', 'weather': 'snow', 'daytime': 'night'
    }
    # The frame without pedestrians is kept.
    assert [image['id'] for image in content['images']] == [1, 2]
    first, group = content['annotations']
    assert first == {
        'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [10, 20, 20, 40],
        'area': 800, 'iscrowd': 0, 'occluded': 1, 'truncated': 0.0
    }
    assert (group['id'], group['category_id'], group['iscrowd']) == (2, 1, 0)


def test_groups_as_crowd():
    content = coco_annotations([_frame(PERSON, GROUP)], ['Pedestrian'], True)
    assert [a['iscrowd'] for a in content['annotations']] == [0, 1]


def test_several_classes_are_numbered_in_order():
    content = coco_annotations([_frame(PERSON, CAR)],
                               ['PassengerCar', 'Pedestrian'])
    assert [c['name']
            for c in content['categories']] == ['passengercar', 'pedestrian']
    assert [a['category_id'] for a in content['annotations']] == [2, 1]


def test_boxes_are_scaled_shifted_and_clipped():
    moved, = move_labels([PERSON], (2.0, 0.5), (-30.0, 5.0), (25, 192))
    assert moved.box == pytest.approx((0, 15, 25, 35))
    assert moved.name == 'Pedestrian' and moved.occluded == 1


@pytest.mark.parametrize('box', [(5, 5, 5, 9), (5, 5, 9, 5), (40, 0, 50, 9),
                                 (9, 1, 5, 6)])
def test_boxes_without_area_are_dropped(box):
    labels = [StfLabel('Pedestrian', box)]
    assert move_labels(labels, (1, 1), (0, 0), (30, 30)) == []


@pytest.mark.parametrize('box, kept, why', [
    ((5, 5, 9, 9), True, None),
    ((-1, 5, 9, 9), True, None),
    ((9, 1, 5, 6), False, REVERSED),
    ((5, 6, 9, 1), False, REVERSED),
    ((5, 5, 5, 9), False, NO_AREA),
    ((45, 5, 55, 9), False, OTHER_CAMERA),
    ((5, 45, 9, 50), False, OTHER_CAMERA),
    ((-9, 5, -1, 9), False, OTHER_CAMERA),
    ((32, 5, 38, 9), False, OUTSIDE),
    ((20, 5, 50, 9), True, CUT),
    ((-9, 5, 9, 9), True, CUT),
])
def test_what_becomes_of_a_label_is_told(box, kept, why):
    label = StfLabel('Pedestrian_is_group', box)
    moved, told = sort_labels([label], (1, 1), (0, 0), (30, 40), (40, 40))
    assert len(moved) == kept
    assert told == ([] if why is None else [('Pedestrian', why)])
    assert move_labels([label], (1, 1), (0, 0), (30, 40)) == moved


def test_boxes_that_rounding_makes_flat_are_dropped():
    label = StfLabel('Pedestrian', (5, 5, 5.00001, 9))
    assert move_labels([label], (1, 1), (0, 0), (30, 40)) == []
