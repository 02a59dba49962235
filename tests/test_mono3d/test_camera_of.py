"""A matrix of a sample is there, a matrix, and finite, or it is named."""
import numpy as np
import pytest
from mmdet3d.structures import Det3DDataSample

from mmxkd.errors import ConfigError
from mmxkd.mono3d.camera_of import map_matrix


def sample(**meta):
    return Det3DDataSample(metainfo=dict(img_path='7.png', **meta))


def test_the_part_that_is_asked_for():
    matrix = np.arange(16.).reshape(4, 4)
    found = map_matrix(sample(trans_mat=matrix.tolist()))
    assert np.array_equal(found, matrix[:3, :3])


@pytest.mark.parametrize('meta, message', [
    ({}, "7.png: its meta information has no 'trans_mat'"),
    (dict(trans_mat=[[1., 2.], [3.]]), '7.png: trans_mat is not a matrix'),
    (dict(trans_mat='wide'), '7.png: trans_mat is not a matrix'),
    (dict(trans_mat=np.eye(2)),
     r'has the shape \(2, 2\), .* \(3, 3\) or more'),
    (dict(trans_mat=np.full((3, 3), np.nan)), 'expected finite numbers'),
])
def test_what_is_none(meta, message):
    with pytest.raises(ConfigError, match=message):
        map_matrix(sample(**meta))
