# LEAP, whose losses weigh as much as the score of the teacher's box.
_base_ = '../fog_leap_tiny.py'
custom_hooks = [
    dict(hook, by_score=True)
    if hook['type'] == 'mmxkd.LabelSourcesHook' else hook
    for hook in _base_.custom_hooks
]
