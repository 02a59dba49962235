# What LEAP adds to, and every loss that it is compared to: the boxes that the
# tiny teacher wrote, on pictures of which half are mirrored.
_base_ = '../cmkd/fog_pseudo_tiny.py'


def mirrored(frames):
    *steps, pack = frames['pipeline']
    flip = dict(type='mmxkd.RandomFlip', prob=0.5)
    return dict(frames, pipeline=[*steps, flip, pack])


train_dataloader = dict(
    dataset=dict(datasets=[
        mirrored(frames) for frames in _base_.train_dataloader.dataset.datasets
    ]))
