# MonoMMKD with tiny models, whose heads are compared, too, by MonoSKD's terms.
# Whether MonoMMKD has such terms is not known.
_base_ = ['./mmkd_tiny.py', '../_base_/distillers/mono3d.py']
model = dict(
    # The heads are compared on the same objects.
    teachers=dict(depth=dict(mode='loss')),
    distiller=dict(losses=dict(loss_head=_base_.monoskd.losses.loss_head)))
