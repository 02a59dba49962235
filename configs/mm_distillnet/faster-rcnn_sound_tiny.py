# Any detector of mmdet hears: a tiny Faster R-CNN on eight microphones, with
# its own backbone and pyramid. It learns as sound_tiny.py does.
_base_ = [
    '../_base_/models/faster_rcnn_r50_fpn_torchvision.py',
    '../_base_/sound_tiny.py',
]

model = dict(_base_.tiny.faster_rcnn, _scope_='mmdet')
model['data_preprocessor'] = dict(
    _delete_=True, **_base_.hearing.data_preprocessor)
# Its maps are resized to those of a picture of the frame.
model['backbone'] = dict(
    _delete_=True,
    type='mmxkd.SpectrogramBackbone',
    backbone=dict(
        _base_.detector.backbone, out_indices=(0, 1, 2, 3), norm_eval=False),
    in_channels=24,
    frame=_base_.frame,
    strides=[4, 8, 16, 32])
# Cars are wider than high.
model['rpn_head']['anchor_generator']['ratios'] = [0.3, 0.6, 1.0]

train_dataloader = dict(
    dataset=dict(
        ann_file='annotations/train_pseudo.json',
        unlabelled=False,
        cameras=(),
        leave_out_incomplete=False,
        pipeline=_base_.train_pipeline))
