"""Tables of the documentation, compared with the code that they describe."""
import inspect
import re

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmxkd.distillation import (
    CrossModalDistill,
    FusedTeacherLabels,
    Teacher,
    TeacherLabels,
)
from mmxkd.distillation.audit import audit_table
from mmxkd.distillation.building import TEACHER_MODEL
from mmxkd.distillation.loss_config import normalise
from mmxkd.distillation.mmrazor_words import KEYS
from mmxkd.engine.labellers import TeacherPart
from mmxkd.errors import ConfigError
from mmxkd.families import asked_names, family_of
from mmxkd.recording.hook_points import ALL_CALLS, parse
from mmxkd.registry import MODELS
from mmxkd.schedules import SCHEDULES
from tests.helpers.pages import fenced
from tests.helpers.toys import Toy, batch, build, mse
from tests.test_rooms import ROWS


@pytest.fixture(scope='module')
def reference(repo):
    return (repo / 'docs/distiller_reference.md').read_text()


def rows(text: str, head: str) -> list[list[str]]:
    """Cells of the table whose first line begins with ``head``."""
    first = f'| {head} |' if head else '| |'
    table = text.split(first)[1].split('\n\n')[0]
    return [[cell.strip() for cell in line.strip('|').split('|')]
            for line in table.splitlines()[2:]]


def keys(text: str, head: str) -> list[str]:
    """Names in code in the first column, without a default."""
    return [
        name.split('=')[0] for row in rows(text, head)
        for name in re.findall(r'`([^`]+)`', row[0])
    ]


def test_the_table_of_rooms_is_that_of_the_test(repo):
    page = (repo / 'docs/architecture.md').read_text()
    found = [(int(row[0]), row[1].strip('`')) for row in rows(page, 'row')]
    assert found == [(i, room) for i, row in enumerate(ROWS, 1)
                     for room in row]


def test_a_room_is_where_the_table_says(repo):
    page = (repo / 'docs/architecture.md').read_text()
    for row in rows(page, 'row'):
        path = repo / 'mmxkd' / row[1].strip('`').replace('.', '/')
        there = path.is_dir() or path.with_suffix('.py').is_file()
        assert there != ('not there yet' in row[2]), row


def test_keys_of_the_model(reference):
    parameters = inspect.signature(CrossModalDistill).parameters
    named = [
        name for name, p in parameters.items() if p.kind is not p.VAR_KEYWORD
    ]
    assert keys(reference, 'key of `model`') == ['type', *named]


def test_keys_of_a_teacher(reference):
    parameters = list(inspect.signature(Teacher).parameters)
    shown = rows(reference, 'key of a teacher')
    assert keys(reference, 'key of a teacher') == parameters[1:]
    for (cell, _), name in zip(shown, parameters[1:], strict=True):
        default = inspect.signature(Teacher).parameters[name].default
        if '=' in cell:
            assert cell == f'`{name}={default!r}`'
        else:
            assert default in (None, inspect.Parameter.empty)


def test_keys_of_the_distiller(reference):
    known = keys(reference, 'key of `distiller`')
    assert set(known) >= set(KEYS)
    with pytest.raises(ConfigError, match="x is unknown; known: (.*)") as e:
        normalise(dict(x=1), ['t'])
    offered = re.findall(r"'(\w+)'", str(e.value))
    assert sorted(known) == sorted([*offered, 'type'])


def test_keys_of_a_loss(reference):
    """These are the distiller's own, the others go to the class."""
    assert keys(reference, 'key of a loss') == [
        'type', 'student', 'teacher', 'inputs', 'loss_weight', 'connector',
        'only'
    ]
    config = normalise(
        dict(losses=dict(
            loss=dict(type='A', student='a', teacher='t:b', inputs=dict(
                x='t:c'), loss_weight=2, connector=None, other=3))),
        ['t']).losses[0]
    assert config.cfg == dict(type='A', other=3)
    assert (config.weight, config.connector) == (2, None)
    assert list(config.arguments) == [0, 1, 'x']


def test_names_that_a_loss_may_ask_for(reference):
    table = rows(reference, 'argument')
    names = {row[0].strip('`'): row[2] for row in table}
    assert names.keys() == asked_names() | {TEACHER_MODEL}
    every = set(vars(type(family_of(Toy())).__mro__[1])) & names.keys()
    assert {name for name, of in names.items() if of == 'any student'} == every


@pytest.mark.parametrize('head, builder, first', [
    ('argument of `TeacherLabels`', TeacherLabels, 0),
    ('argument of `FusedTeacherLabels`', FusedTeacherLabels, 0),
    ('key of `teachers`', TeacherPart, 1),
])
def test_arguments_of_the_labels(reference, head, builder, first):
    parameters = list(inspect.signature(builder).parameters.items())
    for (cell, *_), (name, parameter) in zip(rows(reference, head),
                                             parameters[first:], strict=True):
        default = '' if parameter.default is inspect.Parameter.empty else (
            f'={parameter.default!r}')
        assert cell == f'`{name}{default}`'


def test_shown_labels_of_several_teachers_build(repo):
    text, = (block for block in fenced(repo / 'docs/unlabelled_frames.md')
             if 'FusedTeacherLabels' in block)
    found = MODELS.build(Config.fromstring(text, '.py').labels.boxes)
    assert found.teachers == ('rgb', 'thermal', 'depth')
    assert found.parts[1].classes == dict(car='vehicle', bus='vehicle')


def test_schedules(reference):
    assert set(
        re.findall(r"^dict\(type='(\w+)', (?:value|start)=", reference,
                   re.M)) == set(SCHEDULES)


def test_each_form_of_a_hook_point(reference):
    """The page's forms, on layers of a toy."""
    model = Toy()
    cells = [row[0] for row in rows(reference.split('## Hook points')[1], '')]
    shown = re.findall(r'`([^`]+)`', ' '.join(cells))
    assert shown == [
        'neck', 'neck[0]', 'neck[:4]', 'encoder.memory',
        'bbox_head.retina_cls@2', '@*', '@[0:2]', 'backbone.layer4.inputs',
        'bbox_head.get_targets()'
    ]

    def point(text):
        found = parse(text, model, 'student')
        return found.path, found.source, found.call, found.steps

    assert point('neck') == ('neck', 'outputs', None, ())
    assert point('neck[0]')[3] == (0, )
    assert point('neck[:4]')[3] == (slice(None, 4), )
    assert point('neck.memory')[3] == ('memory', )
    assert point('bbox_head.cls@2')[2] == 2
    assert point('bbox_head.cls@*')[2] == ALL_CALLS
    assert point('bbox_head.cls@[0:2]')[2] == slice(0, 2)
    assert point('backbone.stem.inputs')[1] == 'inputs'
    assert point('bbox_head.forward()')[1] == 'forward()'


def test_log_names(reference):
    names = keys(reference, 'entry')
    assert names == [
        'distill/loss_neck', 'distill/raw_neck', 'distill/raw_neck_0',
        'distill/neck_…'
    ]
    model = build(distiller=dict(losses=dict(
        loss_neck=mse()), log_levels=True))
    data = model.data_preprocessor(batch(), True)
    assert set(names[:3]) <= set(model(**data, mode='loss'))


def test_the_shown_audit_is_printed(repo, tmp_path):
    """By the config of the page, for two pictures of 256 × 320."""
    page = repo / 'docs/distil_your_own.md'
    path = tmp_path / 'shown.py'
    path.write_text(fenced(page)[0])
    cfg = Config.fromfile(path).model
    init_default_scope('mmdet')
    del cfg.teachers.big['checkpoint']
    cfg.teachers.big.random = True
    model = MODELS.build(cfg).train()
    for teacher in model.teachers.values():
        teacher.load()
    data = model.data_preprocessor(batch(height=256, width=320), True)
    tapes = model.distiller.tapes
    with torch.no_grad(), tapes['big'].listen(stop_when_full=True):
        model.teachers['big'].model(data['views']['big']['inputs'])
    with tapes['student'].listen():
        model.student(data['inputs'])
    assert fenced(page, 'text') == [
        audit_table(model.distiller.losses.values(), tapes) + '\n'
    ]
