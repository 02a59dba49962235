"""Mean sizes of the classes, which size heads predict the rest of."""
from collections.abc import Sequence

import torch
from torch import Tensor

from mmxkd.errors import ConfigError

#: h, w, l of KITTI's classes in metres, as in the published codes.
MEAN_SIZES = dict(Pedestrian=(1.76255119, 0.66068622, 0.84422524),
                  Car=(1.52563191462, 1.62856739989, 3.88311640418),
                  Cyclist=(1.73698127, 0.59706367, 1.76282397))


def size_table(rows: Sequence[Sequence[float]] | None, classes: int) -> Tensor:
    """(K, 3) float64 h, w, l; default: of Pedestrian, Cyclist, Car.

    Raises:
        ConfigError: They are not K rows of three numbers above 0.
    """
    if rows is None:
        rows = [MEAN_SIZES[n] for n in ('Pedestrian', 'Cyclist', 'Car')]
    try:
        sizes = torch.tensor(rows, dtype=torch.float64)
    except (TypeError, ValueError) as error:
        raise ConfigError(f'MonoRoIHead: mean_sizes={rows!r}, expected '
                          f'{classes} rows of h, w, l') from error
    if sizes.shape != (classes, 3) or not (sizes > 0).all():
        raise ConfigError(
            f'MonoRoIHead: mean_sizes has the shape {tuple(sizes.shape)}, '
            f'expected num_classes={classes} rows of h, w, l above 0')
    return sizes
