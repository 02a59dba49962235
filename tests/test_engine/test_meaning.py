"""A teacher whose classes are the student's in another order is refused."""
import pytest
import torch

from mmxkd.engine.hooks import TeacherMeaningHook
from mmxkd.engine.meaning import (
    Meaning,
    check_classes,
    check_inputs,
    check_tested,
    meaning_of_checkpoint,
    meaning_of_config,
)
from mmxkd.engine.plain_config import read_plain_config
from mmxkd.errors import ConfigError
from tests.helpers.toys import Toy, build, mse, runner, toy

KL = dict(type='SoftLabelKLLoss', student='bbox_head[0]',
          teacher='t:bbox_head[0]', activation='sigmoid')


@pytest.fixture
def file(tmp_path):
    """A teacher's checkpoint that says which classes it knows."""

    def save(classes=('car', 'person'), cfg=''):
        path = tmp_path / 'teacher.pth'
        torch.save(
            dict(state_dict=Toy().state_dict(),
                 meta=dict(dataset_meta=dict(classes=classes), cfg=cfg)), path)
        return path

    return save


def distilled(path, loss=KL, **teacher):
    return build(teacher=dict(cfg=toy(), checkpoint=path, **teacher),
                 loss_kd=loss)


@pytest.mark.parametrize('classes, what', [
    (('person', 'car'), 'in another order'),
    (('car', 'dog'), 'not the same'),
])
def test_a_loss_that_compares_classes(file, classes, what):
    model = distilled(file())
    with pytest.raises(
            ConfigError, match=rf"those of teacher 't' are {what}. Student: "
            rf".*{classes[0]}.* Teacher: \('car', 'person'\)"):
        model.check_classes(classes)
    model.check_classes(['car', 'person'])


def test_features_have_no_classes(file):
    distilled(file(), mse()).check_classes(('person', 'car'))


def test_labels_compare_classes(file):
    model = build(
        teacher=dict(cfg=toy(), checkpoint=file()),
        distiller=dict(labels=dict(a=dict(type='TeacherLabels', teacher='t'))))
    with pytest.raises(ConfigError, match='distiller.labels compares'):
        model.check_classes(('person', 'car'))


def test_the_way_out(file):
    distilled(file(), check_meaning=False).check_classes(('person', 'car'))


def test_the_run_does_not_start(file, tmp_path):
    """The hook knows the training data; tools/train.py adds it."""
    model = distilled(file())
    run = runner(model, tmp_path / 'run',
                 custom_hooks=[dict(type='mmxkd.TeacherMeaningHook')])
    data = run.build_dataloader(run._train_dataloader)
    data.dataset.metainfo = dict(classes=('person', 'car'))
    run._train_dataloader = data
    before = model.student.neck.lateral[0].weight.clone()
    with pytest.raises(ConfigError, match='in another order'):
        run.train()
    assert torch.equal(before, model.student.neck.lateral[0].weight)
    assert isinstance(run.hooks[-1], TeacherMeaningHook) or any(
        isinstance(hook, TeacherMeaningHook) for hook in run.hooks)


def test_who_says_nothing_is_warned_of(caplog, monkeypatch):
    said = []
    monkeypatch.setattr('mmxkd.engine.meaning.print_log',
                        lambda text, **_: said.append(text))
    check_classes(None, ('a', ), 't', 'loss')
    check_classes(('a', ), None, 't', 'loss')
    assert ['the student' in said[0], "teacher 't'" in said[1]] == [True] * 2


def test_inputs_that_the_file_was_not_trained_with(file):
    cfg = '''
model = dict(
    data_preprocessor=dict(
        mean=[1.0, 2.0, 3.0], modalities=('img', 'gated'), type='X'),
    type='Y')
'''
    teacher = toy(data_preprocessor=dict(type='mmdet.DetDataPreprocessor',
                                         mean=[3., 2., 1.], std=[1.] * 3))
    with pytest.raises(
            ConfigError, match=r"trained with data_preprocessor.mean="
            r"\[1.0, 2.0, 3.0\], but its config says \[3.0, 2.0, 1.0\]"):
        build(teacher=dict(cfg=teacher, checkpoint=file(cfg=cfg)))
    build(teacher=dict(cfg=teacher, checkpoint=file(
        cfg=cfg), check_meaning=False))


def test_order_of_modalities_and_norm_of_depth():
    then = Meaning(inputs=dict(modalities=['img', 'depth'], depth_norm='a'))
    for key, value in (('modalities', ['depth', 'img']), ('depth_norm', 'b')):
        now = Meaning(inputs=then.inputs | {key: value})
        with pytest.raises(ConfigError, match=f'data_preprocessor.{key}='):
            check_inputs(then, now, 't', 'x.pth')
    check_inputs(then, Meaning(inputs=dict(modalities=['img', 'depth'])), 't',
                 'x.pth')


def test_classes_of_the_file_are_those_of_its_config():
    then = Meaning(classes=('car', 'person'))
    for classes in (('person', 'car'), ('car', ), ('car', 'dog')):
        with pytest.raises(
                ConfigError, match=r"x.pth was trained on the "
                r"classes \('car', 'person'\), but its config says "
                rf".*{classes[-1]}"):
            check_inputs(then, Meaning(classes=classes), 't', 'x.pth')
    check_inputs(then, then, 't', 'x.pth')
    check_inputs(then, Meaning(), 't', 'x.pth')


SIZED = dict(pipeline=[dict(type='mmxkd.AffineResize', img_scale=(64, 32))])
OTHER = dict(pipeline=[dict(type='mmxkd.AffineResize', img_scale=(96, 32))])


@pytest.mark.parametrize(
    'data, size',
    [
        (SIZED, (64, 32)),
        (dict(type='RepeatDataset', dataset=SIZED), (64, 32)),
        (dict(dataset=dict(dataset=SIZED)), (64, 32)),
        (dict(datasets=[SIZED, SIZED]), (64, 32)),
        (dict(datasets=[SIZED, OTHER]), None),
        # It runs after that of what it wraps.
        (dict(dataset=SIZED, **OTHER), (96, 32)),
        (dict(type='RepeatDataset'), None),
    ])
def test_where_sizes_are_stated(data, size):
    cfg = dict(train_dataloader=dict(dataset=data),
               test_dataloader=dict(dataset=OTHER))
    assert meaning_of_config(cfg).size == size
    assert meaning_of_config(cfg, 'test_dataloader').size == (96, 32)


def test_sizes_that_the_file_was_not_trained_with():
    then, now = Meaning(size=(64, 32)), Meaning(size=(96, 32))
    sizes = r'pictures of \(64, 32\) .*\(96, 32\): objects would seem nearer'
    with pytest.raises(ConfigError, match=rf'teachers.t: x.pth .*{sizes}'):
        check_inputs(then, now, 't', 'x.pth')
    with pytest.raises(ConfigError, match=f'^x.pth .*{sizes}'):
        check_tested(then, now, 'x.pth')
    for one in (then, Meaning()):
        check_inputs(one, then, 't', 'x.pth')
        check_tested(one, then, 'x.pth')


def test_a_teacher_knows_the_size_of_its_file(file):
    """Its config is a model alone; the student's pipeline is compared."""
    cfg = f'train_dataloader = dict(dataset=dict(dataset={SIZED}))'
    model = build(teacher=dict(cfg=toy(), checkpoint=file(cfg=cfg)))
    (teacher, ) = model.teachers.values()
    assert teacher.meaning.size == (64, 32)


def test_where_classes_are_stated():
    nested = dict(train_dataloader=dict(
        dataset=dict(type='RepeatDataset', dataset=dict(metainfo=dict(
            classes=('a', 'b'))))))
    assert meaning_of_config(nested).classes == ('a', 'b')
    assert meaning_of_config(
        dict(metainfo=dict(classes='a'))).classes == ('a', )
    assert meaning_of_checkpoint([1]) == Meaning()
    assert meaning_of_checkpoint(
        dict(meta=dict(dataset_meta=dict(CLASSES=('a', ))))).classes == ('a', )


@pytest.mark.parametrize('text, found', [
    ('a = 1\nb = [1, -2.5, (True, None)]', dict(a=1, b=[1, -2.5,
                                                        (True, None)])),
    ("a = dict(x=dict(y='z'), w=open('x'))", dict(a=dict(x=dict(y='z')))),
    ("a = {'k': [1], 2: 3}", dict(a={'k': [1], 2: 3})),
    ("a = __import__('os').system('x')\nimport os", {}),
    ('a = [open("x")]', {}),
    ('a = (', {}),
    ('a = ' + '[' * 500 + ']' * 500, {}),
])
def test_a_config_is_read_and_not_run(text, found):
    assert read_plain_config(text) == found
