import pytest
import torch
from torch import nn

from mmxkd.errors import ConfigError
from mmxkd.families import family_of
from tests.helpers.toys import Toy


class Voxels(nn.Module):
    """A detector of points; it takes a dict of any names."""


class SingleStageMono3DDetector(nn.Module):
    """Known by its name."""


for kind in (Voxels, SingleStageMono3DDetector):
    kind.__module__ = 'mmdet3d.models.detectors'


def test_models_of_points_are_not_run():
    model = Voxels()
    assert family_of(model).name == 'mmdet3d'
    assert not family_of(model).can_dry_run(model)
    assert family_of(Toy()).can_dry_run(Toy())


@pytest.mark.parametrize('kind', [Voxels, SingleStageMono3DDetector])
def test_a_tensor_is_refused(kind):
    model = kind()
    model.data_preprocessor = nn.Identity()
    with pytest.raises(
            ConfigError, match='student: its data_preprocessor Identity gives '
            f'one Tensor, but {kind.__name__} takes a dict'):
        family_of(model).check_view(model, torch.zeros(1, 3, 4, 4), 'student')


def test_a_view_without_pictures_is_refused():
    inputs = dict(points=[torch.zeros(5, 4)])
    model = Voxels()
    model.data_preprocessor = nn.Identity()
    family_of(model).check_view(model, inputs, 'teachers.big')
    model = SingleStageMono3DDetector()
    model.data_preprocessor = nn.Identity()
    with pytest.raises(
            ConfigError, match="teachers.big: .* no 'imgs', but "
            r"\['points'\]"):
        family_of(model).check_view(model, inputs, 'teachers.big')
