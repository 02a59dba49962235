# What depth teaches monocular 3-D detectors by MonoDistill and by MonoSKD;
# configs/monommkd/monodistill.py and monoskd.py say what is settled.
affinity = dict(type='AffinityLoss', divide_by_batch=True)
# The heads are compared on the same objects: the teacher computes its losses.
head = dict(
    type='mmxkd.MonoHeadLoss', student='bbox_head', teacher='depth:bbox_head')

monodistill = dict(
    losses=dict(
        loss_feature=dict(
            type='FeatureSumLoss',
            parts=dict(
                affinity=affinity,
                object=dict(
                    type='MaskedFeatureLoss',
                    weight=10.,
                    divide_by_batch=True,
                    cells='truncated')),
            student='backbone[1:4]',
            teacher='depth:backbone[1:4]',
            connector=dict(
                type='mmxkd.ReviewFusionConnector', channels=(128, 256, 512))),
        loss_head=head))
monoskd = dict(
    losses=dict(
        loss_feature=dict(
            type='FeatureSumLoss',
            parts=dict(
                spearman=dict(type='SpearmanLoss', mode='released'),
                affinity=affinity),
            student='neck',
            teacher='depth:neck',
            connector=dict(type='ConvConnector', kernel_sizes=[3, 1])),
        loss_head=head))
del affinity, head
