# The student, trained without a teacher: Faster R-CNN on RGB alone.
_base_ = [
    '../_base_/models/faster_rcnn_r50_fpn_torchvision.py',
    '../_base_/datasets/stf.py',
    '../_base_/schedules/cmkd.py',
    '../_base_/default_runtime.py',
]

# All models start from torchvision's COCO detector, but for the predictor,
# which has other classes, and the stem. The paper's code starts every stem
# anew ('parity'), also where it could have been kept ('keep' on RGB) or
# carried over to more channels ('inflate').
load_from = 'https://download.pytorch.org/models/fasterrcnn_resnet50_fpn_coco-258fb6c6.pth'  # noqa: E501
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmxkd.TorchvisionWeightsHook'),
    dict(
        type='mmxkd.StemInitHook',
        mode='parity',
        fresh=['roi_head.bbox_head.fc_cls', 'roi_head.bbox_head.fc_reg'])
]
