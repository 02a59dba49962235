# The arms of families_bccd.py on synthetic pictures in VOC's form.
#
#   python tools/dataset_converters/synthetic_voc.py data/voc_synthetic
#   python tools/dataset_converters/voc.py data/voc_synthetic data/voc_coco \
#       --classes bicycle car person --train VOC2007/train \
#       --val VOC2007/val --test VOC2007/test
#   python benchmarks/families.py voc
_base_ = './families_bccd.py'

data_roots = dict(_delete_=True, voc='data/voc_coco')
tested_on = 'voc'
# Both data sets have three classes.
names = {
    f'{split}_dataloader.dataset.metainfo.classes':
    '("bicycle","car","person")'
    for split in ('train', 'val', 'test')
}
of_vgg = dict(
    names,
    **{'model.teachers.vgg.cfg': 'configs/ssd_kd/vgg16-ssd_voc_tiny.py'})
checkpoint = 'model.teachers.vgg.checkpoint'
arms = dict(
    teacher=dict(
        options=dict(names, **{'train_cfg.val_interval': 12}), epochs=48),
    baseline=dict(options=names),
    distilled=dict(options=of_vgg),
    # As long as on blood cells: better than its student, and misleads it.
    teacher_16=dict(
        config='configs/ssd_kd/vgg16-ssd_bccd_tiny.py', options=names),
    distilled_16=dict(
        config='configs/ssd_kd/mb2-ssdlite_kd_bccd_tiny.py',
        options=of_vgg,
        taught_by=dict(teacher_16=checkpoint)))
del names, of_vgg, checkpoint
