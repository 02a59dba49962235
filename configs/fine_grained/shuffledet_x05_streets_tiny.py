# The tiny student on COCO files of synthetic streets, for experiments.
_base_ = './shuffledet_x1_streets_tiny.py'
model = dict(
    backbone=dict(
        channels=(36, 60, 120, 120, 96),
        stem_channels=12,
        first_expand_groups=3),
    bbox_head=dict(in_channels=96))
