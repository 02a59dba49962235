# LEAP: Labels, Early weights, Augmented Pictures. The student learns from the
# teacher's boxes in each frame and in its mirror image, fused by
# `tools/label.py --mirror`. It starts from the teacher's weights, and half of
# its pictures are mirrored. See docs/leap.md.
_base_ = '../cmkd/fog_pseudo.py'

# `--cfg-options load_from=…` names the teacher's checkpoint. Its stem reads
# RGB first, and the gated slices behind it: the student takes the first part.
load_from = None
custom_hooks = [
    hook for hook in _base_.custom_hooks
    if hook['type'] not in ('mmxkd.StemInitHook',
                            'mmxkd.TorchvisionWeightsHook')
]
custom_hooks.append(dict(type='mmxkd.StemInitHook', mode='truncate'))


def mirrored(frames):
    *steps, pack = frames['pipeline']
    flip = dict(type='mmxkd.RandomFlip', prob=0.5)
    return dict(frames, pipeline=[*steps, flip, pack])


train_dataloader = dict(
    dataset=dict(datasets=[
        mirrored(frames) for frames in _base_.train_dataloader.dataset.datasets
    ]))
