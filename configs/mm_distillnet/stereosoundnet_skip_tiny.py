# The tiny baseline where a frame in which the RGB camera finds nothing teaches
# no boxes: nobody says that a night is empty.
_base_ = './stereosoundnet_tiny.py'

model = dict(student=dict(bbox_head=dict(empty='skip')))
