# Fine-grained imitation with tiny models on COCO files of synthetic streets,
# for experiments.
_base_ = [
    './shuffledet_x05_streets_tiny.py', '../_base_/distillers/imitation.py'
]

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        x1=dict(
            cfg='configs/fine_grained/shuffledet_x1_streets_tiny.py',
            checkpoint='work_dirs/shuffledet_x1_streets_tiny')),
    distiller=_base_.imitation)
