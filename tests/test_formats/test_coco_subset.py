"""A part of the frames keeps its own boxes, and grows without exchange."""
import pytest

from mmxkd.errors import ConfigError
from mmxkd.formats.coco_subset import coco_subset

CONTENT = dict(
    info=dict(year=2026),
    images=[dict(id=i, file_name=f'{i}.png') for i in (7, 3, 9, 1, 4)],
    annotations=[
        dict(id=n, image_id=i) for n, i in enumerate((7, 7, 3, 1, 4, 9, 1))
    ], categories=[dict(id=1, name='car')])


@pytest.mark.parametrize('frames', range(1, 6))
def test_frames_and_their_boxes(frames):
    found = coco_subset(CONTENT, frames)
    ids = [image['id'] for image in found['images']]
    assert len(ids) == frames
    assert ids == [i for i in (7, 3, 9, 1, 4) if i in ids]
    assert [box['id'] for box in found['annotations']
            ] == [n for n, i in enumerate((7, 7, 3, 1, 4, 9, 1)) if i in ids]
    assert found['categories'] == CONTENT['categories']
    assert found['info'] == CONTENT['info']


@pytest.mark.parametrize('seed', range(5))
def test_fewer_frames_are_a_part_of_more(seed):
    parts = [{
        image['id'] for image in coco_subset(CONTENT, frames, seed)['images']
    } for frames in range(1, 6)]
    for smaller, larger in zip(parts, parts[1:], strict=False):
        assert smaller < larger


def test_seeds_differ():
    assert len({
        tuple(i['id'] for i in coco_subset(CONTENT, 2, seed)['images'])
        for seed in range(20)
    }) > 4


def test_a_list_of_frames_stays_one():
    content = {k: v for k, v in CONTENT.items() if k != 'annotations'}
    assert 'annotations' not in coco_subset(content, 2)


@pytest.mark.parametrize('frames', [0, -1, 6])
def test_too_many(frames):
    with pytest.raises(ConfigError, match='expected 1 to 5'):
        coco_subset(CONTENT, frames)
