"""Distils a toy where nothing optional is installed."""
import sys

for name in ('mmdet3d', 'numba', 'nuscenes', 'mmrazor'):
    # An import of it raises ImportError.
    sys.modules[name] = None

import mmxkd  # noqa: E402, F401, I001
from tests.helpers.toys import build, step  # noqa: E402

print('loss', float(step(build())['distill/loss_neck']))
