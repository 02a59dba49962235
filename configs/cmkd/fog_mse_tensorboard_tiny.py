# fog_mse_tiny.py, with its curves in TensorBoard too. It needs
# `pip install tensorboard`; then
# `tensorboard --logdir work_dirs/fog_mse_tensorboard_tiny`.
_base_ = './fog_mse_tiny.py'

visualizer = dict(vis_backends=[
    dict(type='LocalVisBackend'),
    dict(type='TensorboardVisBackend')
])
