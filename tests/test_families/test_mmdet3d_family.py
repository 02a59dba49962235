from torch import nn

from mmxkd.families import family_of
from tests.helpers.toys import Toy


def test_models_of_points_are_not_run():

    class Voxels(nn.Module):
        pass

    Voxels.__module__ = 'mmdet3d.models.detectors'
    model = Voxels()
    assert family_of(model).name == 'mmdet3d'
    assert not family_of(model).can_dry_run(model)
    assert family_of(Toy()).can_dry_run(Toy())
