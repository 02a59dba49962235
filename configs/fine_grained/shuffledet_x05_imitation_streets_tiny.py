# Fine-grained imitation with tiny models on COCO files of synthetic streets,
# for experiments.
_base_ = './shuffledet_x05_streets_tiny.py'

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        x1=dict(
            cfg='configs/fine_grained/shuffledet_x1_streets_tiny.py',
            checkpoint='work_dirs/shuffledet_x1_streets_tiny')),
    distiller=dict(
        losses=dict(
            loss_imitation=dict(
                type='FineGrainedImitationLoss',
                loss_weight=1.0,
                psi=0.5,
                student='backbone[0]',
                teacher='x1:backbone[0]',
                connector=dict(
                    type='ConvConnector',
                    kernel_sizes=[3],
                    last_activation=True,
                    init_std=1e-4)))))
