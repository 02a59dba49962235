"""Detectors of PyTorch as ONNX files for :mod:`mmxkd.deploy`."""
