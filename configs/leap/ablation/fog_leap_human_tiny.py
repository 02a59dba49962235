# What labels by humans on all frames are worth with LEAP's start and pictures.
_base_ = '../fog_leap_tiny.py'

train_dataloader = dict(
    dataset=dict(datasets=[
        _base_.train_dataloader.dataset.datasets[0],
        dict(
            _base_.train_dataloader.dataset.datasets[0],
            ann_file='annotations/unlabelled_truth.json')
    ]))
