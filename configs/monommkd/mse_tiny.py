# To compare with: the mean squared error of the features that mmkd_tiny.py
# distils, behind the same adapters.
_base_ = './mmkd_tiny.py'

model = dict(
    distiller=dict(
        losses=dict(
            _delete_=True,
            loss_feature=dict(
                type='FeatureMSELoss',
                student='neck[1:4]',
                teacher='depth:neck[1:4]',
                connector=dict(type='ConvConnector', kernel_sizes=[3, 1])))))
