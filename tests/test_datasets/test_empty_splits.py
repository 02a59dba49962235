"""An empty split list ended deep inside of mmengine."""
import json

import pytest

import mmxkd  # noqa: F401
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.stf.coco import coco_annotations
from mmxkd.registry import DATASETS


@pytest.mark.parametrize('test_mode', [False, True])
def test_a_file_without_frames_is_refused(tmp_path, test_mode):
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'annotations/val.json').write_text(
        json.dumps(coco_annotations([], ['Pedestrian'])))
    with pytest.raises(ConfigError, match='val.json: has no frame'):
        DATASETS.build(
            dict(type='mmxkd.STFDataset', data_root=str(tmp_path),
                 ann_file='annotations/val.json', pipeline=[],
                 test_mode=test_mode))


def test_an_empty_list_is_refused_before_it_is_converted(tmp_path):
    from mmxkd.formats.stf.layout import StfLayout
    for folder in ('cam_stereo_left_lut', 'gated0_rect8', 'splits'):
        (tmp_path / folder).mkdir()
    (tmp_path / 'splits/val.txt').write_text('\n')
    with pytest.raises(CorruptSampleError, match='val.txt: holds no frame id'):
        StfLayout(tmp_path).split_ids('val')
