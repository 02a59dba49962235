# The student with GUPNet's depth, from the height of objects; all else as
# DID-M3D's. GUPNet's own learning rate and batch (0.00125, 32) are not used.
_base_ = './student.py'

model = dict(bbox_head=dict(depth='gup'))
