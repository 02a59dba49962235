# Three cameras teach by their boxes alone, with tiny models.
_base_ = './mm_distillnet_tiny.py'

model = dict(distiller=dict(losses=dict(_delete_=True)))
