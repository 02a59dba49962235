# The student, trained without a teacher: MobileNetV2-SSDLite, from a published
# detector. The yardstick of mb2-ssdlite_kd_voc.py.
#   python tools/model_converters/mb2_ssd_lite.py mb2-ssd-lite-mp-0_686.pth \
#       work_dirs/pretrained/mb2-ssd-lite.pth
_base_ = [
    '../_base_/models/ssd3000.py',
    '../_base_/datasets/voc0712.py',
    '../_base_/default_runtime.py',
    '../_base_/schedules/ssd_kd.py',
]
model = _base_.mb2_ssdlite
load_from = 'work_dirs/pretrained/mb2-ssd-lite.pth'
default_hooks = dict(checkpoint=dict(save_best='pascal_voc/mAP'))
