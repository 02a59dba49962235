# One alignment per teacher, and their sum, as published; with tiny models.
_base_ = './mm_distillnet_tiny.py'

model = dict(distiller=dict(losses=dict(loss_mta=dict(fusion='summed'))))
