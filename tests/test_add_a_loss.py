"""The loss of docs/add_a_loss.md teaches, from a user's module alone."""
import importlib

import pytest
import torch
from mmengine.logging import MessageHub

from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS
from tests.helpers.pages import package_mentions, project_of
from tests.helpers.toys import algorithm_cfg, batch, build, runner, step, toy


@pytest.fixture
def page(repo, tmp_path):
    assert MODELS.get('BoxFeatureLoss') is None
    with project_of(repo / 'docs/add_a_loss.md', tmp_path) as files:
        yield files


@pytest.fixture
def loss(page):
    return importlib.import_module('box_feature_loss').BoxFeatureLoss


def slow_level(student, teacher, boxes, input_shape, background):
    """Cell by cell; a box marks the cells whose centre it holds."""
    total = weights = 0.0
    images, _, height, width = student.shape
    for n in range(images):
        for row in range(height):
            for column in range(width):
                x = (column + 0.5) * input_shape[1] / width
                y = (row + 0.5) * input_shape[0] / height
                inside = any(x1 <= x <= x2 and y1 <= y <= y2
                             for x1, y1, x2, y2 in boxes[n])
                weight = 1.0 if inside else background
                gap = student[n, :, row, column] - teacher[n, :, row, column]
                total += weight * (gap**2).mean().item()
                weights += weight
    return total / max(weights, 1e-6)


def test_the_package_does_not_know_it(page, loss):
    assert package_mentions('BoxFeatureLoss') == []
    assert package_mentions('MultiLevelLoss')
    assert loss.__module__ == 'box_feature_loss'


def test_the_test_of_the_page(page):
    shown = importlib.import_module('test_box_feature_loss')
    shown.test_only_the_cell_in_the_box_counts()


def box_loss(**kwargs):
    return dict(type='BoxFeatureLoss', student='neck', teacher='neck',
                **kwargs)


def with_levels(loss):
    return dict(losses=dict(loss_box=loss), log_levels=True)


@pytest.mark.parametrize('background', [0.0, 0.3])
def test_a_step_gives_what_the_slow_version_gives(loss, background):
    model = build(distiller=with_levels(
        box_loss(background=background, loss_weight=0.5)))
    found = step(model)
    data = model.data_preprocessor(batch(), True)
    boxes = [s.gt_instances.bboxes.tolist() for s in data['data_samples']]
    student = model.student.extract_feat(data['inputs'])
    with torch.no_grad():
        teacher = model.teachers['t'].model.extract_feat(
            data['views']['t']['inputs'])
    levels = [
        slow_level(s, t, boxes, (16, 24), background)
        for s, t in zip(student, teacher, strict=True)
    ]
    assert found['distill/raw_box'].item() == pytest.approx(
        sum(levels) / 2, rel=1e-5)
    assert found['distill/loss_box'].item() == pytest.approx(
        sum(levels) / 4, rel=1e-5)
    # Of 8 × 12 cells, 4 × 5 have their centre in x 2 to 10, y 2 to 12.
    assert found['distill/box_inside_0'].item() == pytest.approx(20 / 96)


def test_two_steps_of_training(loss, tmp_path):
    model = build(distiller=with_levels(
        box_loss(background=dict(type='Linear', start=1.0, stop=0.0, end=2))))
    student = {k: v.clone() for k, v in model.student.state_dict().items()}
    teacher = {
        k: v.clone()
        for k, v in model.teachers['t'].model.state_dict().items()
    }
    seen = []
    module = model.distiller.losses['loss_box'].module
    levels = module.levels

    def spy(*args, **kwargs):
        seen.append(module.schedules['background'](kwargs['progress']))
        return levels(*args, **kwargs)

    module.levels = spy
    runner(model, tmp_path / 'run', dict(by_epoch=False, max_iters=2)).train()
    assert seen == [1.0, 0.5]
    moved = {
        k for k, v in model.student.state_dict().items()
        if not torch.equal(v, student[k])
    }
    assert 'neck.lateral.0.weight' in moved
    for name, value in model.teachers['t'].model.state_dict().items():
        assert torch.equal(value, teacher[name])
    history = MessageHub.get_current_instance().log_scalars
    assert history['train/distill/box_inside_0'].data[0] == pytest.approx(
        [20 / 96, 20 / 96])


def test_levels_are_logged_only_where_asked_for(loss):
    assert not [
        name for name in step(build(loss_box=box_loss()))
        if name.startswith('distill/box_')
    ]


def test_other_channels_are_connected(loss):
    model = build(student=toy(out_channels=3), loss_box=box_loss())
    assert step(model)['distill/loss_box'] > 0
    assert any(
        name.startswith('distiller.losses.loss_box.connector')
        for name, _ in model.named_parameters())


def test_a_bad_schedule_is_named(loss):
    with pytest.raises(
            ConfigError, match='BoxFeatureLoss: background.*'
            "did you mean 'Linear'"):
        MODELS.build(
            algorithm_cfg(loss_box=box_loss(
                background=dict(type='Liner', start=1., stop=0., end=2))))
