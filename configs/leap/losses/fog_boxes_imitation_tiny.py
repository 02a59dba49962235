# Fine-grained imitation on all frames: near the boxes of humans and teacher.
_base_ = './fog_boxes_mse_tiny.py'

model = dict(
    distiller=dict(
        _delete_=True,
        losses=dict(
            loss_imitation=dict(
                type='FineGrainedImitationLoss',
                loss_weight=0.01,
                student='neck',
                teacher='gated:neck',
                connector=dict(
                    type='ConvConnector', kernel_sizes=[3], init_std=1e-4)))))
