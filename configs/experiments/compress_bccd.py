# What does a tiny MobileNetV2-SSDLite lose when it is pruned and quantised,
# and does its teacher still help when the pruned one is trained on?
#
#   python benchmarks/compression.py bccd
#
# It goes on with the detectors of families_bccd.py.
_base_ = './families_bccd.py'

arms = dict(
    small_taught=dict(compressed='distilled', prune=0.3),
    small_alone=dict(compressed='distilled', trained_as='baseline', prune=0.3))
