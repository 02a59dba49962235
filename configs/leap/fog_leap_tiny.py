# LEAP with tiny models. `--cfg-options load_from=…` names the tiny teacher's
# checkpoint: the student starts from it.
_base_ = './fog_boxes_tiny.py'
custom_hooks = [
    dict(hook, mode='truncate')
    if hook['type'] == 'mmxkd.StemInitHook' else hook
    for hook in _base_.custom_hooks
]
