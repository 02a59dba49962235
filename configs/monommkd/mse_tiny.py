# To compare with: the mean squared error of the features that mmkd_tiny.py
# distils, behind the same adapters. A KL over positions is about half of the
# variance of the difference, and summed over three levels, of which this is
# the mean: 30 weighs as much as mmkd_tiny.py's 20.
_base_ = './mmkd_tiny.py'

model = dict(
    distiller=dict(
        losses=dict(
            _delete_=True,
            loss_feature=dict(
                type='FeatureMSELoss',
                loss_weight=30.,
                student='neck[1:4]',
                teacher='depth:neck[1:4]',
                connector=dict(type='ConvConnector', kernel_sizes=[3, 1])))))
