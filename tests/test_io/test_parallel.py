import pytest

from mmxkd.errors import CorruptSampleError
from mmxkd.io.parallel import parallel_map


def _square(value):
    return value * value


def _fail_at_three(value):
    if value == 3:
        raise CorruptSampleError('x.png', 'gated', 'bad')
    return value


@pytest.mark.parametrize('num_workers', [0, 2])
def test_map_keeps_the_order(num_workers):
    results = parallel_map(_square, range(20), num_workers, 'test')
    assert list(results) == [v * v for v in range(20)]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_map_passes_the_error_on(num_workers):
    with pytest.raises(CorruptSampleError, match=r'gated: x.png: bad'):
        list(parallel_map(_fail_at_three, range(9), num_workers, 't'))
