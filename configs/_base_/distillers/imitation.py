# What a ShuffleDet teaches a narrower one: its last map near objects.
imitation = dict(
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
                init_std=1e-4))))
