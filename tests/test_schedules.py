import math

import pytest
from mmengine.logging import MessageHub

from mmxkd.errors import ConfigError
from mmxkd.schedules import (
    Progress,
    build_schedule,
    current_progress,
    warn_if_it_stands_still,
)


def over(weight, moments, by_epoch=False):
    schedule = build_schedule(weight, 'loss_weight')
    return [
        schedule(Progress(epoch=m) if by_epoch else Progress(iter=m))
        for m in moments
    ]


def test_a_number_is_constant():
    assert over(0.5, [0, 1, 10**9]) == [0.5] * 3
    assert over(0, [0, 5]) == [0.0, 0.0]


@pytest.mark.parametrize('weight, moments, expected', [
    (dict(type='Constant', value=2., begin=3, end=5), [2, 3, 4, 5
                                                       ], [0, 2, 2, 0]),
    (dict(type='Constant', value=2., begin=3), [2, 3, 10**9], [0, 2, 2]),
    (dict(type='Constant', value=2., end=1), [0, 1], [2, 0]),
    (dict(type='Linear', start=0., stop=0.5,
          end=5), [0, 1, 4, 5, 6], [0, 0.1, 0.4, 0.5, 0.5]),
    (dict(type='Linear', start=1., stop=0., begin=10,
          end=20), [0, 9, 10, 15, 19, 20, 30], [1, 1, 1, 0.5, 0.1, 0, 0]),
    (dict(type='Cosine', start=1., stop=0., end=4), [0, 1, 2, 3, 4, 5], [
        1, (1 + math.cos(math.pi / 4)) / 2, 0.5,
        (1 - math.cos(math.pi / 4)) / 2, 0, 0
    ]),
    (dict(type='Cosine', start=0., stop=3., begin=2,
          end=4), [1, 2, 3, 4], [0, 0, 1.5, 3]),
    (dict(type='MultiStep', value=8., milestones=[2, 4],
          gamma=0.5), [1, 2, 3, 4, 9], [8, 4, 4, 2, 2]),
    (dict(type='MultiStep', value=8., milestones=[4, 2],
          gamma=0), [0, 1, 2, 4], [8, 8, 0, 0]),
    (dict(type='MultiStep', value=1., milestones=[1]), [0, 1], [1, 0.1]),
])
@pytest.mark.parametrize('by_epoch', [False, True])
def test_values_at_the_borders(weight, moments, expected, by_epoch):
    found = over(dict(weight, by_epoch=by_epoch), moments, by_epoch)
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_other_clock_is_not_read():
    by_iter = build_schedule(dict(type='Constant', value=1., end=2), 'w')
    by_epoch = build_schedule(
        dict(type='Constant', value=1., end=2, by_epoch=True), 'w')
    assert by_iter(Progress(iter=1, epoch=9)) == 1
    assert by_epoch(Progress(iter=9, epoch=1)) == 1


@pytest.mark.parametrize('weight, message', [
    ('0.5', 'expected a number or a dict'),
    (True, 'expected a number or a dict'),
    (None, 'expected a number or a dict'),
    (dict(start=0), "dict with a 'type'"),
    (dict(type='Linaer', start=0, stop=1, end=2), "did you mean 'Linear'"),
    (dict(type='Linear', begin=1), 'Linear'),
    (dict(type='Linear', start=0, stop=1, end=2,
          ned=3), "ned is unknown; did you mean 'end'"),
    (dict(type='Linear', start=0, stop=1, begin=2,
          end=2), 'end=2 must be after begin=2'),
    (dict(type='Linear', start=0, stop=float('nan'), end=2), 'finite'),
    (dict(type='Constant', value=float('inf')), 'finite'),
    (float('nan'), 'expected a finite number'),
    (float('inf'), 'expected a finite number'),
])
def test_bad_weights_are_refused_with_their_key(weight, message):
    with pytest.raises(ConfigError, match=message) as error:
        build_schedule(weight, 'distiller loss: loss_weight')
    assert 'distiller loss: loss_weight' in str(error.value)


def test_progress_is_the_runners():
    hub = MessageHub.get_instance('test_progress_is_the_runners')
    assert current_progress() == Progress(0, 0)
    hub.update_info('iter', 7)
    hub.update_info('epoch', 2)
    assert current_progress() == Progress(7, 2)
    # What the runner does when it resumes.
    state = hub.state_dict()
    again = MessageHub.get_instance('test_progress_again')
    assert current_progress() == Progress(0, 0)
    again.load_state_dict(state)
    assert current_progress() == Progress(7, 2)


@pytest.mark.parametrize('weight, max_epochs, warned', [
    (dict(type='Constant', value=1., end=2, by_epoch=True), 1, True),
    (dict(type='Constant', value=1., end=2, by_epoch=True), 3, False),
    (dict(type='Constant', value=1., end=2), 1, False),
    (0.5, 1, False),
])
def test_epochs_that_an_iteration_based_run_does_not_count(
        monkeypatch, weight, max_epochs, warned):
    hub = MessageHub.get_instance('test_epochs_not_counted')
    hub.update_info('max_epochs', max_epochs)
    printed = []
    monkeypatch.setattr('mmxkd.schedules.print_log',
                        lambda text, **_: printed.append(text))
    warn_if_it_stands_still(build_schedule(weight, 'w'), 'loss_a')
    MessageHub._instance_dict.pop('test_epochs_not_counted')
    assert [text.split(' changes')[0]
            for text in printed] == (['loss_a'] if warned else [])
