"""A detector from an ONNX file, without PyTorch and without the package.

Imports numpy, OpenCV and onnxruntime, and nothing else: copy this folder into
your own program, under any name, and use it there::

    from deploy import OnnxDetector
    detector = OnnxDetector('detector.onnx')
    boxes, scores, labels = detector([image])[0]

``tools/export_onnx.py`` of mmxkd writes such files.
"""
from .boxes import Detections, nms
from .detector import DeployError, OnnxDetector

__all__ = ['DeployError', 'Detections', 'OnnxDetector', 'nms']
