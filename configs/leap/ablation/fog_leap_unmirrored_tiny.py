# LEAP without mirrored pictures.
_base_ = '../../cmkd/fog_pseudo_tiny.py'
custom_hooks = [
    dict(hook, mode='truncate')
    if hook['type'] == 'mmxkd.StemInitHook' else hook
    for hook in _base_.custom_hooks
]
