# What labels by humans on all frames are worth: as streets_pseudo_tiny.py,
# with the true boxes in place of the teacher's.
_base_ = './streets_pseudo_tiny.py'

train_dataloader = dict(
    dataset=dict(datasets=[
        _base_.train_dataloader.dataset.datasets[0],
        dict(
            _base_.train_dataloader.dataset.datasets[0],
            ann_file='annotations/unlabelled_truth.json')
    ]))
