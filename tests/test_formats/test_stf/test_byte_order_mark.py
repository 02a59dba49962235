"""A byte order mark took the first object of a label file with it."""
import pytest

from mmxkd.formats.stf.coco import LabelledFrame, coco_annotations
from mmxkd.formats.stf.labels import read_labels

LINE = ('Pedestrian 0 0 0 10 20 30 80' + ' -1' * 3 + ' -1000' * 3
        + ' 0 0 0 0 1' + ' -1000' * 4 + ' True True False False\n')


@pytest.mark.parametrize('encoding',
                         ['utf-8', 'utf-8-sig', 'utf-16', 'utf-32'])
def test_a_mark_takes_no_object(tmp_path, encoding):
    path = tmp_path / 'mark.txt'
    path.write_text(LINE * 2, encoding=encoding)
    labels = read_labels(path)
    assert [label.name for label in labels] == ['Pedestrian', 'Pedestrian']
    frame = LabelledFrame('f', (1280, 768), 'clear', 'day', labels)
    assert len(coco_annotations([frame], ['Pedestrian'])['annotations']) == 2
