import pytest

from mmxkd.errors import ConfigError
from mmxkd.migration.zoo import configs_of, find_config, owner_of

RETINA = 'retinanet/retinanet_r50_fpn_1x_coco.py'


def test_a_config_and_its_weights():
    found = find_config(f'mmdet::{RETINA}', 'key')
    assert found.name == f'mmdet::{RETINA}' and not found.renamed
    assert found.file.is_file()
    weights = found.weights()
    assert weights.endswith('retinanet_r50_fpn_1x_coco_20200130-c2398f9e.pth')
    assert owner_of(weights, 'mmdet') == RETINA
    assert owner_of('elsewhere/' + weights.split('/')[-1], 'mmdet') == RETINA


@pytest.mark.parametrize('old, new', [
    ('faster_rcnn/faster_rcnn_r50_fpn_1x_coco.py',
     'faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'),
    ('retinanet/retinanet_r50_fpn_1x_coco', RETINA),
])
def test_names_of_before(old, new):
    found = find_config(f'mmdet::{old}', 'key')
    assert found.name == f'mmdet::{new}' and found.renamed


@pytest.mark.parametrize('name, reason', [
    ('retinanet/retinanet_r50.py', "expected 'package::path'"),
    ('nobody::a/b.py', 'nobody is not installed'),
    ('json::a/b.py', 'json ships no configs'),
    ('mmdet::retinanet/retinanet_r51_fpn_1x_coco.py', f"'mmdet::{RETINA}'"),
])
def test_what_is_not_there(name, reason):
    with pytest.raises(ConfigError, match='^model.teacher') as caught:
        find_config(name, 'model.teacher')
    assert reason in str(caught.value)


def test_weights_that_the_zoo_does_not_know():
    assert owner_of('mine.pth', 'mmdet') is None
    base = find_config('mmdet::_base_/models/retinanet_r50_fpn.py', 'key')
    assert base.weights() is None
    assert configs_of('mmdet', 'key') in base.file.parents
