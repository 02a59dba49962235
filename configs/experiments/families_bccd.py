# Does a tiny VGG16-SSD help a tiny MobileNetV2-SSDLite on real pictures, those
# of blood cells?
#
#   python tools/dataset_converters/voc.py data/BCCD data/bccd_voc \
#       --classes RBC WBC Platelets --clip
#   python benchmarks/families.py bccd
data_roots = dict(bccd='data/bccd_voc')
tested_on = 'bccd'
splits = ('val', 'test')
num_seeds = 3
benchmark = 'voc_boxes'

arms = dict(
    teacher=dict(config='configs/ssd_kd/vgg16-ssd_bccd_tiny.py'),
    baseline=dict(config='configs/ssd_kd/mb2-ssdlite_bccd_tiny.py'),
    distilled=dict(
        config='configs/ssd_kd/mb2-ssdlite_kd_bccd_tiny.py',
        taught_by=dict(teacher='model.teachers.vgg.checkpoint')))
teacher = 'teacher'
baseline = 'baseline'
