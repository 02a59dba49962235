import pytest

from mmxkd.engine.mirrored import mirrored
from mmxkd.errors import ConfigError

LOAD, PACK = dict(type='LoadImageFromFile'), dict(type='mmdet.PackDetInputs')


def test_the_flip_comes_last_of_all_but_packing():
    pipeline = [LOAD, PACK]
    assert mirrored(pipeline, 'x',
                    'y') == [LOAD,
                             dict(type='RandomFlip', prob=1.), PACK]
    assert pipeline == [LOAD, PACK]


def test_other_modalities_are_mirrored_too():
    pack = dict(type='mmxkd.PackMultiModalInputs', modalities=('img', 'depth'))
    flip = mirrored([LOAD, pack], 'x', 'y')[1]
    assert flip == dict(type='mmxkd.RandomFlip', prob=1.)


def test_a_border_stays_on_its_side():
    pads = [dict(type='mmxkd.Pad', size_divisor=32), dict(type='Pad')]
    types = [step['type'] for step in mirrored([LOAD, *pads, PACK], 'x', 'y')]
    assert types == [
        'LoadImageFromFile', 'RandomFlip', 'mmxkd.Pad', 'Pad',
        'mmdet.PackDetInputs'
    ]


def test_what_packs_otherwise_is_refused():
    with pytest.raises(
            ConfigError, match="x: the test pipeline ends in 'Own',"
            ' not in PackDetInputs or PackMultiModalInputs: y'):
        mirrored([LOAD, dict(type='Own')], 'x', 'y')
