# The pretext task with tiny models, on synthetic drives of 320x128 pictures
# and sound of 16 kHz.
_base_ = ['./pretext_d2.py', '../_base_/tiny.py']
data_root = 'data/mavd_synthetic/'
frame = (128, 320)
sample_rate = 16000


def at_own_size(pipeline):
    changes = {
        'mmxkd.LoadStoredSound':
        dict(sample_rate=sample_rate),
        'mmxkd.LogMelSpectrogram':
        dict(
            sample_rate=sample_rate,
            n_fft=512,
            hop=128,
            n_mels=64,
            reference='common'),
        'mmxkd.Resize':
        dict(scale=(frame[1], frame[0])),
    }
    return [dict(step, **changes.get(step['type'], {})) for step in pipeline]


train_pipeline = at_own_size(_base_.train_pipeline)
test_pipeline = at_own_size(_base_.test_pipeline)

train_dataloader = dict(
    **_base_.tiny.loader,
    batch_size=8,
    dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    **_base_.tiny.loader,
    dataset=dict(data_root=data_root, pipeline=test_pipeline))

model = dict(
    data_preprocessor=dict(frame=frame, mean=[-40.] * 8, std=[20.] * 8),
    backbone=dict(
        _delete_=True,
        type='mmxkd.SpectrogramBackbone',
        in_channels=8,
        backbone=dict(
            type='mmdet.ResNet',
            depth=18,
            base_channels=16,
            norm_cfg=dict(type='BN', requires_grad=True),
            norm_eval=False)),
    in_channels=128,
    hidden_channels=64)

optim_wrapper = _base_.tiny.optim_wrapper
param_scheduler = _base_.tiny.param_scheduler
train_cfg = _base_.tiny.train_cfg
