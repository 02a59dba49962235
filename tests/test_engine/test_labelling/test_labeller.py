import hashlib
import json

import numpy as np
import pytest
import torch
from mmdet.datasets import CocoDataset

from mmxkd.datasets.checked_coco import CheckedCOCO
from mmxkd.engine.labelling.teachers import Teacher
from mmxkd.errors import CheckpointError, ConfigError, CorruptSampleError
from mmxkd.formats.pseudo_labels import teacher_of
from mmxkd.version import __version__
from tests.helpers.blobs import CLASSES, DATA, rows, write_frames

#: What is left of DATA with the thresholds 160 / 255 and 180 / 255.
KEPT = [
    (10, 1, [4, 4, 8, 20], .6667),
    (12, 2, [40, 20, 20, 10], .7059),
    (12, 1, [10, 10, 10, 30], .6275),
    (14, 2, [5, 5, 30, 10], 1.),
]


def test_labels_above_the_best_threshold_of_each_class(place, capsys):
    """Every number is known: see the brightness in VAL and DATA."""
    content = place.run()
    assert rows(content) == KEPT
    teacher = teacher_of(content)
    assert teacher['thresholds'] == {'tall': .6275, 'wide': .7059}
    assert teacher['on_validation'] == {
        name: dict(score=score, precision=1., recall=1., f1=1., objects=2,
                   iou_thr=.5)
        for name, score in (('tall', .6275), ('wide', .7059))
    }
    shown = capsys.readouterr().out
    assert ('tall      0.6275      1.000   1.000  1.000        2       2'
            in shown)
    assert '4 labels in 5 frames' in shown


def test_the_file_says_who_wrote_it(place):
    teacher = place.teacher()
    content = place.run(teacher)
    with open(teacher.checkpoint, 'rb') as file:
        sha256 = hashlib.sha256(file.read()).hexdigest()
    said = teacher_of(content)
    assert said['name'] == 'teacher_0'
    assert said['config'] == str(teacher.cfg.filename)
    assert said['checkpoint_sha256'] == sha256
    assert said['mmxkd_version'] == __version__
    assert said['fused_with'] == [] and said['classes'] == list(CLASSES)
    listed = json.loads((place.root / 'data.json').read_text())
    assert content['images'] == listed['images']
    assert content['categories'] == listed['categories']
    assert [a['id'] for a in content['annotations']] == [1, 2, 3, 4]
    assert all(a['area'] == a['bbox'][2] * a['bbox'][3]
               for a in content['annotations'])
    assert not place.progress.exists()


def test_both_readers_read_it_back(place):
    place.run()
    dataset = CocoDataset(ann_file=str(place.out), data_root=str(place.root),
                          data_prefix=dict(img=''),
                          metainfo=dict(classes=CLASSES), pipeline=[])
    boxes = [[i['bbox'] for i in dataset.get_data_info(k)['instances']]
             for k in range(len(dataset))]
    assert boxes == [[[4, 4, 12, 24]], [], [[40, 20, 60, 30], [10, 10, 20,
                                                               40]], [],
                     [[5, 5, 35, 15]]]
    assert len(CheckedCOCO(str(place.out)).anns) == 4


def test_thresholds_of_the_user(place):
    """No labelled set is read; a class may be left to it."""
    (place.root / 'val.json').rename(place.root / 'away.json')
    assert len(rows(place.run(score_thr=['0']))) == 6
    assert rows(place.run(score_thr=['.7', 'tall=0.63'],
                          overwrite=True)) == [(10, 2, [30, 10, 20, 8], .702),
                                               (10, 1, [4, 4, 8, 20], .6667),
                                               (12, 2, [40, 20, 20,
                                                        10], .7059),
                                               (14, 2, [5, 5, 30, 10], 1.)]
    (place.root / 'away.json').rename(place.root / 'val.json')
    content = place.run(score_thr=['wide=1'], overwrite=True)
    assert teacher_of(content)['thresholds'] == {'tall': .6275, 'wide': 1.}
    assert list(teacher_of(content)['on_validation']) == ['tall']


def test_threshold_words_are_checked(place):
    for word, message in (('2', 'a number from 0 to 1'),
                          ('tall', 'a number from 0 to 1'),
                          ('tall=x', 'a number from 0 to 1'),
                          ('tal=.5', "no class 'tal'; did you mean 'tall'")):
        with pytest.raises(ConfigError, match=message):
            place.run(score_thr=[word])


def test_boxes_of_several_teachers_are_fused(place):
    """The shifted one counts three times; both see all boxes."""
    from mmxkd.engine.labelling.labels import Fusion
    content = place.run(place.teacher(), place.teacher(shift=1.),
                        score_thr=['0'], fusion=Fusion(weights=(1., 3.),
                                                       iou_thr=.5))
    assert rows(content)[0] == (10, 2, [30.75, 10.75, 20, 8], .702)
    said = teacher_of(content)
    assert [t['name'] for t in said['fused_with']] == ['teacher_1']
    assert said['fusion'] == dict(mode='wbf', iou_thr=.5, weights=[1, 3])
    alone = place.run(place.teacher(), place.teacher(gives='nothing'),
                      score_thr=['0'], overwrite=True)
    assert rows(alone)[0] == (10, 2, [30, 10, 20, 8], .351)


def test_thresholds_are_those_of_the_fused_boxes(place):
    content = place.run(place.teacher(), place.teacher(gives='nothing'))
    assert teacher_of(content)['thresholds'] == {'tall': .3137, 'wide': .353}


def test_a_teacher_that_reads_mirror_images(place):
    """What it sees to the right of an object lies to its left."""
    content = place.run(place.teacher(shift=1., mirrored=True),
                        score_thr=['0'])
    assert rows(content)[0] == (10, 2, [29, 11, 20, 8], .702)
    assert teacher_of(content)['mirrored'] is True


def test_both_views_of_a_teacher_are_fused(place):
    """Its error to the right, of a pixel, is gone; that downward stays."""
    both = [
        place.teacher(shift=1., mirrored=mirrored)
        for mirrored in (False, True)
    ]
    content = place.run(*both, score_thr=['0'])
    assert rows(content)[0] == (10, 2, [30, 11, 20, 8], .702)
    assert len(rows(content)) == 6


def test_a_pipeline_that_cannot_be_mirrored(place):
    with pytest.raises(
            ConfigError, match="teacher_0.py: test_dataloader: the "
            "test pipeline ends in 'nothing'.*without --mirror"):
        place.teacher(mirrored=True,
                      cfg={'test_dataloader.dataset.pipeline': []})


def test_class_maps_of_each_teacher(place):
    """One says what is tall and wide with other names, one knows more."""
    other = place.teacher(classes=('upright', 'flat'),
                          class_map=dict(upright='tall', flat='wide'))
    more = place.teacher(classes=('flat', 'wide'), class_map=dict(wide='wide'))
    content = place.run(other, more, score_thr=['0'])
    # Nobody but the first sees what is tall: half the score.
    assert rows(content)[:2] == [(10, 2, [30, 10, 20, 8], .702),
                                 (10, 1, [4, 4, 8, 20], .3334)]


def test_names_of_the_labels_without_categories(place):
    listed = json.loads((place.root / 'data.json').read_text())
    del listed['categories']
    (place.root / 'data.json').write_text(json.dumps(listed))
    content = place.run(place.teacher(class_map=dict(wide='plank')),
                        score_thr=['0'])
    assert content['categories'] == [dict(id=1, name='plank')]
    assert len(content['annotations']) == 3


def test_thin_boxes_and_those_beyond_the_picture(place):
    """mmdet does not train on boxes below a pixel."""
    write_frames(place.root, 'data', [[(60, 10, 4, 8, 200, 1),
                                       (63, 30, 1, 8, 200, 1)]])
    content = place.run(place.teacher(shift=2.5), score_thr=['0'])
    assert rows(content) == [(10, 1, [62.5, 12.5, 1.5, 8], .7843)]


@pytest.mark.parametrize('classes, message', [
    (('wide', 'tall'), 'the order differs.*--class-map wide=wide tall=tall'),
    (('tall', ), '1 classes instead of 2'),
    (('tall', 'flat'), "'flat' stands where 'wide' should"),
])
def test_other_classes_than_the_labels(place, classes, message):
    with pytest.raises(ConfigError, match=message):
        place.run(place.teacher(classes=classes))
    assert not place.out.exists() and not place.progress.exists()


def test_a_checkpoint_of_other_classes_than_its_config(place):
    with pytest.raises(ConfigError, match='trained on the classes.*the order'):
        place.teacher(
            cfg={'test_dataloader.dataset.metainfo.classes': CLASSES[::-1]})


def test_a_checkpoint_of_other_inputs_than_its_config(place):
    """A teacher of depth may have the weights of one of images, by shape."""
    view = dict(type='mmxkd.ModalityDetDataPreprocessor', mean=[0.], std=[1.])
    teacher = place.teacher()
    content = torch.load(teacher.checkpoint, weights_only=True)
    content['meta']['cfg'] = (
        f"model = dict(data_preprocessor={dict(view, modalities=['depth'])})")
    torch.save(content, teacher.checkpoint)
    teacher.cfg.model.data_preprocessor = dict(view, modalities=['thermal'])
    with pytest.raises(
            ConfigError, match=r"trained with "
            r"data_preprocessor.modalities=\['depth'\], but the "
            r"config says \['thermal'\]"):
        Teacher(teacher.cfg, teacher.checkpoint)


def test_a_checkpoint_of_another_machine(place):
    teacher = place.teacher()
    with pytest.raises(ConfigError, match='https.*expected a local file'):
        Teacher(teacher.cfg, 'https://example.org/teacher.pth')


def test_classes_that_nobody_names(place):
    teacher = place.teacher()
    content = torch.load(teacher.checkpoint, weights_only=True)
    del content['meta']['dataset_meta']
    torch.save(content, teacher.checkpoint)
    assert Teacher(teacher.cfg, teacher.checkpoint).classes == CLASSES
    del teacher.cfg.test_dataloader.dataset['metainfo']
    teacher.cfg.test_dataloader.dataset.type = 'BaseDetDataset'
    with pytest.raises(ConfigError, match=r'metainfo=dict\(classes=\(…\)\)'):
        Teacher(teacher.cfg, teacher.checkpoint)


def test_datasets_that_cannot_be_labelled(place):
    teacher = place.teacher()
    one = teacher.cfg.test_dataloader.dataset
    for dataset, message in (
        (dict(type='ConcatDataset', datasets=[one, one]), 'joins several'),
        (dict(pipeline=[]), 'has no test_dataloader.dataset'),
    ):
        teacher.cfg.test_dataloader.dataset = dataset
        with pytest.raises(ConfigError, match=f'teacher_0.py: .*{message}'):
            teacher.dataset('test_dataloader')


def test_names_in_a_class_map(place):
    with pytest.raises(ConfigError,
                       match="unknown class of the teacher 'tal'"):
        place.run(place.teacher(class_map=dict(tal='tall')))
    with pytest.raises(ConfigError, match="unknown label 'width'; did you"):
        place.run(place.teacher(class_map=dict(wide='width')))


def test_no_detection_above_the_threshold(place):
    with pytest.raises(
            ConfigError, match=r'no detection in 2 frames is above '
            r'the threshold \(tall: best score 0.4706, threshold '
            '0.6275'):
        write_frames(place.root, 'data', [[(4, 4, 8, 20, 120, 1)], []])
        place.run()
    assert not place.out.exists()


def test_a_teacher_that_finds_nothing(place):
    with pytest.raises(
            ConfigError, match='finds none of 2 objects of the '
            "class 'tall'.*--score-thr tall=0.5"):
        place.run(place.teacher(gives='nothing'))


def test_a_labelled_set_without_a_class(place):
    write_frames(place.root, 'val', [[(4, 4, 8, 20, 200, True)]])
    with pytest.raises(ConfigError, match="no object of the class 'wide'"):
        place.run()


@pytest.mark.parametrize('gives', ['nan', 'inf'])
def test_scores_that_are_not_finite(place, gives):
    with pytest.raises(CheckpointError,
                       match='gives a score that is not finite for .*png'):
        place.run(place.teacher(gives=gives))
    assert not place.out.exists()


def test_scores_that_are_no_probabilities(place):
    with pytest.raises(
            CheckpointError,
            match=r'gives the score [12]\.\d+ for .*png, expected 0'):
        place.run(place.teacher(gives='3'))
    assert not place.out.exists()


def test_classes_without_a_name(place):
    with pytest.raises(CheckpointError, match='gives the class 7, but only 2'):
        place.run(place.teacher(gives='class 7'))


def test_weights_that_are_not_finite(place):
    with pytest.raises(CheckpointError, match='gain is NaN'):
        place.run(place.teacher(gain=float('nan')))


def test_a_picture_of_another_size_than_listed(place):
    listed = json.loads((place.root / 'data.json').read_text())
    listed['images'][3]['width'] = 65
    (place.root / 'data.json').write_text(json.dumps(listed))
    with pytest.raises(CorruptSampleError, match='has .64, 48. pixels'):
        place.run()


def test_3d_detectors_are_sent_to_another_tool(place):
    with pytest.raises(ConfigError, match='run tools/test.py .* --out'):
        place.teacher(cfg=dict(default_scope='mmdet3d'))


def test_all_frames_are_labelled_whatever_the_batches(place):
    """The last batch is shorter; what the loader would drop is done too."""
    wanted = rows(place.run())
    for size in (1, 3, 7):
        found = place.run(
            place.teacher(
                cfg={
                    'test_dataloader.batch_size': size,
                    'test_dataloader.drop_last': True
                }), out=place.root / f'{size}.json')
        assert rows(found) == wanted and len(found['images']) == len(DATA)
    assert np.array([r[3] for r in wanted]).min() > .6
