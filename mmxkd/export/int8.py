"""Static quantisation to 8 bits, calibrated on pictures."""
import os
import tempfile
from collections.abc import Sequence

import numpy as np
import onnx
from mmengine.config import Config
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from mmxkd.deploy import OnnxDetector
from mmxkd.errors import ConfigError
from mmxkd.io.atomic import write_bytes

from .pictures import picture_paths, read_picture


class _Pictures(CalibrationDataReader):
    """Inputs of the network, one picture at a time."""

    def __init__(self, detector: OnnxDetector, paths: Sequence[str]) -> None:
        self.detector, self.paths = detector, iter(paths)

    def get_next(self) -> dict[str, np.ndarray] | None:
        path = next(self.paths, None)
        if path is None:
            return None
        return dict(image=self.detector.preprocess(read_picture(path))[None])


def calibration_pictures(cfg: Config, number: int = 32) -> list[str]:
    """Paths of training pictures, spread evenly over the training set.

    Args:
        cfg (Config): With a ``train_dataloader``.
        number (int): How many; fewer where there are fewer.

    Raises:
        ConfigError: There is none, or none is asked for.
    """
    if number < 1:
        raise ConfigError(f'calibration: {number} pictures, expected 1 or '
                          'more: without any, nothing says how large '
                          'activations are')
    paths = picture_paths(cfg, 'train_dataloader')
    if not paths:
        raise ConfigError('calibration: the training set of '
                          f'{cfg.filename} is empty')
    index = np.linspace(0, len(paths) - 1, min(number, len(paths))).round()
    return [paths[int(i)] for i in index]


def quantize(path: str, out: str | os.PathLike, pictures: Sequence[str],
             float_head: bool = False) -> None:
    """Write a detector whose convolutions compute with 8 bits.

    Weights have one scale per channel, of 7 bits so that the sums of older
    CPUs do not overflow; activations one per tensor, from their largest
    values on the pictures. Decoding stays in floats.

    Args:
        path (str): Of :func:`.onnx_file.export_onnx`.
        out (str | os.PathLike): The ``.onnx`` file to write.
        pictures (Sequence[str]): Paths, of the training set.
        float_head (bool): Leave the last convolutions in floats.

    Raises:
        ConfigError: There is no picture.
        CorruptSampleError: One cannot be read.
    """
    if not pictures:
        raise ConfigError('calibration: no picture, expected 1 or more')
    reader = _Pictures(OnnxDetector(path), pictures)
    with tempfile.TemporaryDirectory() as folder:
        folded = os.path.join(folder, 'folded.onnx')
        small = os.path.join(folder, 'small.onnx')
        # Batch norms become part of the convolutions before them.
        quant_pre_process(path, folded, skip_symbolic_shape=True)
        quantize_static(
            folded, small, reader, quant_format=QuantFormat.QDQ,
            op_types_to_quantize=['Conv'], per_channel=True, reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8, nodes_to_exclude=last_convolutions(
                onnx.load(folded)) if float_head else [])
        proto = onnx.load(small)
    # The recipe goes along.
    del proto.metadata_props[:]
    proto.metadata_props.extend(onnx.load(path).metadata_props)
    shorten_names(proto.graph)
    write_bytes(out, proto.SerializeToString())


def shorten_names(graph: onnx.GraphProto) -> None:
    """Number the nodes, and all tensors but the inputs and outputs.

    Quantisation makes four tensors of each one, and names of 40 letters: in a
    small network they weigh as much as its weights. Shapes between the layers,
    which programs work out by themselves, go too.

    Args:
        graph (onnx.GraphProto): Without graphs in its nodes, changed in
            place.

    Examples:
        >>> from onnx import helper
        >>> nodes = [
        ...     helper.make_node('Relu', ['image'], ['relu_image'], 'one'),
        ...     helper.make_node('Relu', ['relu_image'], ['scores'])
        ... ]
        >>> image = helper.make_tensor_value_info('image', 1, [1])
        >>> scores = helper.make_tensor_value_info('scores', 1, [1])
        >>> graph = helper.make_graph(nodes, 'two', [image], [scores])
        >>> shorten_names(graph)
        >>> [(*node.input, *node.output) for node in graph.node]
        [('image', '0'), ('0', 'scores')]
    """
    kept = {value.name for value in (*graph.input, *graph.output)}
    # An input that is left out has no name.
    short = {name: name for name in (*kept, '')}

    def rename(name: str) -> str:
        return short.setdefault(name, f'{len(short) - len(kept) - 1:x}')

    for index, node in enumerate(graph.node):
        node.input[:] = map(rename, node.input)
        node.output[:] = map(rename, node.output)
        node.name = f'{index:x}'
    for tensor in graph.initializer:
        tensor.name = rename(tensor.name)
    del graph.value_info[:]


def last_convolutions(proto: onnx.ModelProto) -> list[str]:
    """Names of the convolutions behind which no other one comes."""
    made_by = {name: node for node in proto.graph.node for name in node.output}
    open_ = [output.name for output in proto.graph.output]
    found: dict[str, None] = {}
    while open_:
        node = made_by.get(open_.pop())
        if node is None:
            continue
        if node.op_type == 'Conv':
            found[node.name] = None
        else:
            open_ += node.input
    return list(found)
