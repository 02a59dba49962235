# MM-DistillNet as its published config trains: one alignment per teacher, and
# their sum, in place of one with all of them.
_base_ = './mm_distillnet_d2.py'

model = dict(distiller=dict(losses=dict(loss_mta=dict(fusion='summed'))))
