# Does fine-grained imitation help a tiny ShuffleDet on synthetic streets?
#
#   python tools/dataset_converters/synthetic_kitti.py data/kitti_synthetic \
#       --train 460 --val 240
#   python tools/dataset_converters/kitti.py data/kitti_synthetic
#   python tools/dataset_converters/kitti_coco.py data/kitti_synthetic \
#       --val 100
#   python benchmarks/families.py kitti
data_roots = dict(streets='data/kitti_synthetic')
tested_on = 'streets'
splits = ('val', 'test')
num_seeds = 3
benchmark = 'kitti_boxes'

arms = dict(
    teacher=dict(config='configs/fine_grained/shuffledet_x1_streets_tiny.py'),
    baseline=dict(
        config='configs/fine_grained/shuffledet_x05_streets_tiny.py'),
    distilled=dict(
        config='configs/fine_grained/shuffledet_x05_imitation_streets_tiny.py',
        taught_by=dict(teacher='model.teachers.x1.checkpoint')))
teacher = 'teacher'
baseline = 'baseline'
