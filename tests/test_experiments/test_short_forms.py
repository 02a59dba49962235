import pytest

from mmxkd.errors import ConfigError
from mmxkd.experiments.short_forms import (
    compression_step,
    datasets_of,
    label_step,
    labelled_by,
    length,
)

LOOP = "train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=8)\n"


@pytest.fixture
def config(tmp_path):

    def write(text):
        path = tmp_path / 'arm.py'
        path.write_text(LOOP + text)
        return path

    return write


def test_schedules_that_end_with_the_loop_follow_its_length(config):
    path = config('''param_scheduler = [
    dict(type='LinearLR', by_epoch=False, begin=0, end=8),
    dict(type='CosineAnnealingLR', by_epoch=True, T_max=8, end=8),
    dict(type='ConstantLR', by_epoch=True, end=3)]''')
    assert length('arms.a.epochs', 24, path) == {
        'train_cfg.max_epochs': 24, 'train_cfg.val_interval': 24,
        'param_scheduler.1.T_max': 24, 'param_scheduler.1.end': 24
    }


@pytest.mark.parametrize('text, epochs, message', [
    ('', 0, 'arms.a.epochs=0: expected a number of epochs'),
    ('', True, 'expected a number of epochs'),
    ("param_scheduler = [dict(type='MultiStepLR', milestones=[6, 7])]", 9,
     "the milestones of param_scheduler.0 in arm.py do not follow"),
    ("param_scheduler = dict(type='PolyLR')", 9, 'make it a list'),
    ("train_cfg = dict(type='IterBasedTrainLoop', max_iters=9)", 9,
     'arm.py has no train_cfg.max_epochs'),
])
def test_lengths_that_cannot_be_set(config, text, epochs, message):
    with pytest.raises(ConfigError, match=message):
        length('arms.a.epochs', epochs, config(text))


def test_each_dataset_of_several(config):
    one = config("train_dataloader = dict(dataset=dict(type='A'))")
    assert datasets_of(one) == ('train_dataloader.dataset', )
    two = config('train_dataloader = dict(dataset=dict(type="M", '
                 'datasets=[dict(type="A"), dict(type="B")]))')
    assert datasets_of(two) == ('train_dataloader.dataset.datasets.0',
                                'train_dataloader.dataset.datasets.1')


def test_labels_go_to_the_last_dataset():
    assert labelled_by('arms.a.labelled_by', 'labels',
                       ('x.0', 'x.1')) == {'labels.boxes': 'x.1.ann_file'}
    with pytest.raises(ConfigError, match='trains on one dataset'):
        labelled_by('arms.a.labelled_by', 'labels', ('x', ))


def test_a_step_of_labels():
    step = label_step('arms.labels', dict(labels_of='big', shared=True), 'fog')
    assert step['shared'] and step['outputs'] == dict(boxes='labels.json')
    assert step['command'][:3] == [
        'tools/label.py', '{big.config}', '{big.checkpoint}'
    ]
    assert 'annotations/unlabelled.json' in step['command']
    assert ('val_evaluator.ann_file={data.fog}/annotations/val.json'
            in step['command'])
    assert '--mirror' not in step['command']
    both = label_step('arms.labels', dict(labels_of='big', mirror=True), 'fog')
    assert both == dict(
        command=[*step['command'][:9], '--mirror', *step['command'][9:]],
        outputs=step['outputs'])
    with pytest.raises(ConfigError, match="frame is unknown.*'frames'"):
        label_step('arms.labels', dict(labels_of='big', frame='x'), 'fog')


def test_a_step_of_compression():
    step = compression_step('arms.s', dict(compressed='taught', prune=0.4))
    assert step == dict(
        command=[
            'tools/compress.py', '{taught.config}', '{taught.checkpoint}',
            '--prune', '0.4', '--int8', '--seed', '{seed}', '--out', '{out}',
            '--cfg-options', '{taught.all_options}'
        ], outputs=dict(table='compression.json'))
    alone = compression_step('arms.s',
                             dict(compressed='taught', trained_as='alone'))
    assert alone['command'][1:3] == ['{alone.config}', '{taught.checkpoint}']
    assert alone['command'][-1] == '{alone.all_options}'
    assert '--prune' not in alone['command']
    with pytest.raises(ConfigError, match="prun is unknown.*'prune'"):
        compression_step('arms.s', dict(compressed='taught', prun=0.4))
