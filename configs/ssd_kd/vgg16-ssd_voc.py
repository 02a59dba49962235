# Stage 1: the teacher, a VGG16-SSD with the student's 3000 priors. It starts
# from the published detector with 8732 priors, whose predictors do not fit:
#   python tools/model_converters/ssd300.py ssd300_mAP_77.43_v2.pth \
#       work_dirs/pretrained/ssd300.pth
_base_ = [
    '../_base_/models/ssd3000.py',
    '../_base_/datasets/voc0712.py',
    '../_base_/default_runtime.py',
    '../_base_/schedules/ssd_kd.py',
]
model = _base_.vgg16_ssd
load_from = 'work_dirs/pretrained/ssd300.pth'

# Of the published script for 4 GPUs: its predictors start from nothing.
optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(base_batch_size=128)
default_hooks = dict(checkpoint=dict(save_best='pascal_voc/mAP'))
