# The tiny teacher on blood cells (BCCD). It has no public weights to start
# from, and is trained for twice as long as its students instead.
_base_ = ['../_base_/models/ssd3000_tiny.py', '../_base_/ssd_bccd_tiny.py']
model = _base_.vgg16_ssd
epochs = 16
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
param_scheduler = _base_.tiny.param_scheduler
param_scheduler[1].T_max = epochs
del epochs
