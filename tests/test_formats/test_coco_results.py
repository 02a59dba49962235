"""COCO's result files, whole and broken."""
import json

import numpy as np
import pytest

from mmxkd.errors import CorruptSampleError
from mmxkd.formats.coco_results import read_results

ENTRY = dict(image_id=3, category_id=2, bbox=[1, 2.5, 10, 20], score=.75)


@pytest.fixture
def write(tmp_path):

    def write(content):
        path = tmp_path / 'found.bbox.json'
        path.write_text(
            content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_boxes_by_image(write):
    found = read_results(write([ENTRY, dict(ENTRY, score=.5)]), [3, 'b'])
    np.testing.assert_array_equal(
        found[3], [[1, 2.5, 11, 22.5, .75, 2], [1, 2.5, 11, 22.5, .5, 2]])
    assert found['b'].shape == (0, 6)


@pytest.mark.parametrize('change', [
    dict(bbox=[1, 2, 3]),
    dict(bbox=[1, 2, 3, 'x']),
    dict(bbox=[1, 2, 3, float('nan')]),
    dict(bbox=None),
    dict(score=float('inf')),
    dict(score=None),
    dict(category_id='car'),
    dict(image_id=[3]),
    dict(image_id=True),
])
def test_broken_entries_are_named(write, change):
    with pytest.raises(CorruptSampleError, match='found.bbox.*entry 1 is'):
        read_results(write([ENTRY, {**ENTRY, **change}]), [3])


@pytest.mark.parametrize('content, message', [
    ([dict(ENTRY, image_id=4)], 'entry 0 has the image_id 4.*another split'),
    ([7], 'entry 0 is 7'),
    (dict(annotations=[ENTRY]), 'expected a list of detections'),
    ('[{', 'found.bbox.json'),
    ('', 'found.bbox.json'),
])
def test_other_files_are_refused(write, content, message):
    with pytest.raises(CorruptSampleError, match=message):
        read_results(write(content), [3])
