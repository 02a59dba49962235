# The student sees RGB: DID-M3D's network and recipe, in MonoSKD's code line.
# Not known of MonoMMKD, and settled here: learning rate, batch size and number
# of epochs are MonoSKD's; three classes are trained, where MonoSKD trains Car
# alone; sparse depth maps (depth_2) supervise the visual depth; DLA-34 starts
# from random weights, where the originals start from ImageNet's
# (docs/monommkd.md has the lines for their file).
_base_ = [
    '../_base_/models/mono_roi3d.py',
    '../_base_/datasets/kitti_mono3d.py',
    '../_base_/schedules/mono3d.py',
    '../_base_/default_runtime.py',
]
custom_imports = dict(
    imports=['mmxkd', 'mmxkd.mono3d'], allow_failed_imports=False)
default_scope = 'mmdet3d'

custom_hooks = [
    dict(type='mmxkd.EpochSeedHook'),
    dict(type='mmxkd.HTLHook', total_epochs=140)
]
default_hooks = dict(
    checkpoint=dict(
        interval=10, save_best='kitti/Car_3d_AP40_moderate_strict'),
    visualization=dict(_delete_=True, type='Det3DVisualizationHook'))
visualizer = dict(type='Det3DLocalVisualizer')
