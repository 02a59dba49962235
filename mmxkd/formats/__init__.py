"""Published data as files: layout, labels, calibration, splits.

numpy and an image library; no torch, no OpenMMLab. Each format is read and
written by the same folder.
"""
