# LEAP, which learns to make the teacher's features, too.
_base_ = '../losses/fog_boxes_mse_tiny.py'
custom_hooks = [
    dict(hook, mode='truncate')
    if hook['type'] == 'mmxkd.StemInitHook' else hook
    for hook in _base_.custom_hooks
]
