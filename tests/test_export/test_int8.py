"""Detectors that compute with 8 bits."""
import copy
import os

import numpy as np
import pytest

from mmxkd.deploy import OnnxDetector
from mmxkd.export.int8 import (
    calibration_pictures,
    last_convolutions,
    quantize,
)
from mmxkd.export.pictures import read_picture


@pytest.fixture(scope='module')
def quantized(exported):
    root, _, cfg, path = exported
    out = str(root / 'int8.onnx')
    quantize(path, out, calibration_pictures(cfg, 6))
    return out


def proto_of(path):
    import onnx
    return onnx.load(path)


def convolutions(path):
    """Of each, whether its weight is of 8 bits."""
    import onnx
    graph = onnx.load(path).graph
    types = {w.name: w.data_type for w in graph.initializer}
    source = {
        n.output[0]: n.input[0] for n in graph.node
        if n.op_type == 'DequantizeLinear'
    }
    return {
        n.name: types[source.get(n.input[1],
                                 n.input[1])] == onnx.TensorProto.INT8
        for n in graph.node if n.op_type == 'Conv'
    }


def test_all_weights_have_8_bits(exported, quantized):
    _, model, _, path = exported
    found = convolutions(quantized)
    assert all(found.values()) and not any(convolutions(path).values())
    layers = [
        m for m in model.modules()
        if type(m).__name__.startswith('Conv') and hasattr(m, 'weight')
    ]
    assert len(found) == len(layers)
    # Of the tiny ShuffleDet, the graph is a large part.
    share = os.path.getsize(quantized) / os.path.getsize(path)
    assert share < (.35 if len(last_convolutions(proto_of(path))) > 1 else .45)


def test_outputs_are_near(exported, quantized):
    _, _, cfg, path = exported
    one, other = OnnxDetector(path), OnnxDetector(quantized)
    np.testing.assert_array_equal(one.priors, other.priors)
    picture = read_picture(calibration_pictures(cfg, 1)[0])
    inputs = one.preprocess(picture)[None]
    exact, rounded = one.raw(inputs), other.raw(inputs)
    for name, values in exact.items():
        error = rounded[name] - values
        assert 0 < np.square(error).mean() < .1 * np.square(values).mean()


def test_the_head_can_stay_in_floats(exported, tmp_path):
    import onnx
    _, _, cfg, path = exported
    out = str(tmp_path / 'head.onnx')
    quantize(path, out, calibration_pictures(cfg, 1), float_head=True)
    found = convolutions(out)
    last = last_convolutions(onnx.load(out))
    # One layer, or classes and boxes of six levels.
    assert len(last) in (1, 12)
    assert [found[name] for name in last] == [False] * len(last)
    assert sum(found.values()) == len(found) - len(last)


def test_without_pictures_it_is_refused(exported, tmp_path):
    root, _, cfg, path = exported
    with pytest.raises(ValueError, match='calibration: no picture'):
        quantize(path, tmp_path / 'x.onnx', [])
    with pytest.raises(ValueError, match='calibration: 0 pictures'):
        calibration_pictures(cfg, 0)
    (root / 'data/empty.json'
     ).write_text((root / 'data/data.json').read_text().split('"images"')[0]
                  + '"images": [], "annotations": [], "categories": []}')
    empty = cfg.copy()
    empty.train_dataloader = dict(
        dataset=dict(cfg.train_dataloader.dataset, ann_file='empty.json'))
    with pytest.raises(ValueError, match='training set of .* is empty'):
        calibration_pictures(empty)
    assert not list(tmp_path.iterdir())


def test_pictures_are_spread_over_the_training_set(exported):
    found = calibration_pictures(exported[2], 3)
    assert [os.path.basename(path)
            for path in found] == ['0.png', '10.png', '19.png']
    assert len(calibration_pictures(exported[2], 99)) == 20


def test_pictures_of_wrapped_datasets(exported):
    """Repeated ones count once; nothing is loaded."""
    cfg = copy.deepcopy(exported[2])
    one = dict(cfg.train_dataloader.dataset)
    first = dict(one, indices=4)
    cfg.train_dataloader = dict(dataset=dict(
        type='ConcatDataset', datasets=[
            dict(type='RepeatDataset', times=5, dataset=first),
            dict(type='ClassBalancedDataset', oversample_thr=1e-3, dataset=one)
        ]))
    found = [os.path.basename(p) for p in calibration_pictures(cfg, 99)]
    assert found == [f'{i}.png' for i in (*range(4), *range(20))]
    assert first['pipeline'] == one['pipeline'] != []
