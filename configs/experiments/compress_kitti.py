# What does a tiny ShuffleDet lose when it is pruned and quantised, and
# does its teacher still help when the pruned one is trained on?
#
#   python benchmarks/compression.py kitti
#
# It goes on with the detectors of families_kitti.py.
_base_ = './families_kitti.py'

# It leaves 0.64 of the multiplications.
arms = dict(
    small_taught=dict(compressed='distilled', prune=0.6),
    small_alone=dict(compressed='distilled', trained_as='baseline', prune=0.6))
