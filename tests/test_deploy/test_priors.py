"""Priors as text: the same numbers, a small part of the size."""
import base64
import zlib

import numpy as np
import pytest

from mmxkd.deploy.priors import pack_priors, unpack_priors
from mmxkd.models import SqueezeDetAnchorGenerator


@pytest.fixture
def priors():
    """KITTI's, 9 in each of 24 x 78 cells."""
    return SqueezeDetAnchorGenerator().grid_priors([(24, 78)],
                                                   device='cpu')[0].numpy()


def test_bit_for_bit_and_small(priors):
    text = pack_priors(priors)
    found = unpack_priors(text, len(priors))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, priors)
    assert len(priors) == 16848 and len(text) < priors.nbytes / 20


@pytest.mark.parametrize('number', [0, 16847, 16849, 10**9])
def test_another_number_is_refused(priors, number):
    with pytest.raises(ValueError, match=f'priors: expected {number} of them'):
        unpack_priors(pack_priors(priors), number)


def test_what_was_not_packed(priors):
    text = pack_priors(priors)
    with pytest.raises(ValueError, match='priors: expected 16848 of them'):
        unpack_priors(text[:400], 16848)
    for wrong in ('no text of base 64!', base64.b64encode(b'x' * 99).decode()):
        with pytest.raises(ValueError):
            unpack_priors(wrong, 16848)
    bomb = base64.b64encode(zlib.compress(bytes(10**8))).decode()
    with pytest.raises(ValueError, match='expected 16848'):
        unpack_priors(bomb, 16848)
