# MonoMMKD with tiny models; the student starts from the teacher that
# `--cfg-options load_from=…` names, but for the stem, which sees depth there.
_base_ = './mmkd_tiny.py'
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmxkd.StemInitHook', key='backbone.base_layer.0.weight')
]
