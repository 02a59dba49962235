import numpy as np
import pytest

from mmxkd.datasets.transforms import add_modality
from mmxkd.errors import ConfigError, CorruptSampleError

IMG = np.zeros((6, 9, 3), np.uint8)


@pytest.mark.parametrize(
    'name, shape',
    [
        ('gated', (6, 9, 3)),
        ('depth', (6, 9)),
        # A sound has no place in the frame of the image.
        ('audio', (8, 100)),
        ('spectrogram', (8, 80, 173))
    ])
def test_modality_is_put_into_the_sample(name, shape):
    sample, value = dict(img=IMG), np.zeros(shape, np.float32)
    assert add_modality(sample, name, value, 'a.png') is sample
    assert sample[name] is value


def test_without_an_image_any_size_is_taken():
    assert add_modality({}, 'depth', np.zeros((4, 5)), 'a.png')


@pytest.mark.parametrize(
    'value, found',
    [(np.zeros((6, 8), np.uint16), 'is 8x6 uint16, but img is 9x6; both'),
     (np.zeros((9, 6, 1), np.float32), 'is 6x9, but img is 9x6; both')])
def test_another_size_than_the_image_is_refused(value, found):
    sample = dict(img=IMG)
    with pytest.raises(CorruptSampleError, match=found) as error:
        add_modality(sample, 'thermal', value, 'frames/a.png')
    assert (error.value.path, error.value.modality) == ('frames/a.png',
                                                        'thermal')
    assert list(sample) == ['img']


def test_name_that_nobody_registered_is_refused():
    with pytest.raises(ConfigError, match="'termal'.*did you mean 'thermal'"):
        add_modality(dict(img=IMG), 'termal', IMG, 'a.png')
