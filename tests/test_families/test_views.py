import pytest
import torch
from mmengine.logging import MessageHub

from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS
from tests.helpers.toys import (
    MEAN,
    STD,
    algorithm_cfg,
    batch,
    build,
    gated_toy,
    mse,
    step,
    toy,
)


def stock_toy(**kwargs):
    return toy(data_preprocessor=dict(type='mmdet.DetDataPreprocessor', mean=[
        100., 110., 120.
    ], std=[50., 51., 52.], bgr_to_rgb=True, **kwargs))


def two_modalities(**kwargs):
    data = batch(**kwargs)
    gated = batch(seed=9, **kwargs)['inputs']
    return dict(data, inputs=dict(img=data['inputs'], gated=gated))


def views(model, data):
    return model.data_preprocessor(data, True)


def normalised(images, mean, std, bgr_to_rgb=False):
    out = []
    for image in images:
        image = image.float()
        if bgr_to_rgb:
            image = image[[2, 1, 0]]
        out.append((image - torch.tensor(mean).view(-1, 1, 1))
                   / torch.tensor(std).view(-1, 1, 1))
    return torch.stack(out)


def test_each_model_normalises_for_itself():
    model = build(student=stock_toy(), teacher=dict(cfg=gated_toy(),
                                                    random=True))
    data = two_modalities()
    seen = views(model, data)
    torch.testing.assert_close(
        seen['inputs'],
        normalised(data['inputs']['img'], [100., 110., 120.], [50., 51., 52.],
                   True))
    stacked = [
        torch.cat(pair) for pair in zip(data['inputs']['img'], data['inputs']
                                        ['gated'], strict=True)
    ]
    torch.testing.assert_close(seen['views']['t']['inputs'],
                               normalised(stacked, MEAN, STD))
    # And the whole step runs on it.
    assert step(model, two_modalities())['distill/loss_neck'] > 0


def test_a_stock_teacher_sees_the_modality_it_is_given():
    model = build(student=stock_toy(),
                  teacher=dict(cfg=stock_toy(), random=True, inputs='gated'))
    data = two_modalities()
    torch.testing.assert_close(
        views(model, data)['views']['t']['inputs'],
        normalised(data['inputs']['gated'], [100., 110., 120.],
                   [50., 51., 52.], True))


def test_a_batch_of_images_alone_serves_stock_models():
    model = build(student=stock_toy(), teacher=dict(cfg=toy(), random=True))
    data = batch()
    seen = views(model, data)
    torch.testing.assert_close(
        seen['views']['t']['inputs'],
        normalised(data['inputs'], [127.5] * 3, [127.5] * 3))
    assert seen['inputs'].shape == (2, 3, 16, 24)


def test_outside_of_training_there_is_the_student_alone():
    model = build()
    seen = model.data_preprocessor(batch(), False)
    assert set(seen) == {'inputs', 'data_samples'}
    runs = model.teachers['t'].model.runs
    out = model.val_step(batch())
    assert [o.shape for o in out] == [(2, 1, 8, 12), (2, 1, 4, 6)]
    assert model.teachers['t'].model.runs == runs


@pytest.mark.parametrize('order', [('a', 'c', 'b'), ('c', 'b', 'a')])
def test_teachers_come_in_the_order_of_the_config(order, monkeypatch):
    """Whatever the order is in which a set gives their names."""
    teachers = {name: dict(cfg=toy(), random=True) for name in ('b', 'a', 'c')}
    losses = {f'loss_{name}': mse(teacher=f'{name}:neck') for name in teachers}
    model = MODELS.build(
        dict(algorithm_cfg(), teachers=teachers,
             distiller=dict(losses=losses)))
    model.train()
    monkeypatch.setattr(model.data_preprocessor, '_run_now', lambda: order)
    found = model.data_preprocessor(batch(), True)['views']
    assert list(found) == ['b', 'a', 'c']


def test_samples_are_not_shared():
    model = build(
        student=stock_toy(pad_size_divisor=32),
        teacher=dict(cfg=gated_toy(pad_size_divisor=32), random=True))
    seen = views(model, two_modalities())
    own, other = seen['data_samples'][0], seen['views']['t']['data_samples'][0]
    assert own is not other
    assert own.gt_instances is not other.gt_instances
    other.gt_instances.bboxes *= 0
    other.set_metainfo(dict(img_shape=(1, 1)))
    assert own.gt_instances.bboxes.tolist() == [[2, 2, 10, 12]]
    assert own.img_shape == (16, 24) and own.batch_input_shape == (32, 32)


def resize(*sizes, interval=1):
    return dict(batch_augments=[
        dict(type='BatchSyncRandomResize', random_size_range=sizes,
             size_divisor=8, interval=interval)
    ])


@pytest.fixture()
def hub():
    hub = MessageHub.get_instance('test_views')
    hub.update_info('iter', 0)
    yield hub
    MessageHub._instance_dict.pop('test_views')


def test_random_sizes_are_drawn_alike_and_boxes_scaled_once(hub):
    torch.manual_seed(0)
    augment = resize(16, 64)
    model = build(student=stock_toy(**augment),
                  teacher=dict(cfg=gated_toy(**augment), random=True),
                  dry_run=False)
    sizes = set()
    for i in range(12):
        hub.update_info('iter', i)
        seen = views(model, two_modalities())
        teacher = seen['views']['t']
        height, width = seen['inputs'].shape[-2:]
        assert teacher['inputs'].shape[-2:] == (height, width)
        sizes.add((height, width))
        wanted = torch.tensor([[2., 2., 10., 12.]]) * torch.tensor(
            [width / 24, height / 16, width / 24, height / 16])
        for view in (seen, teacher):
            torch.testing.assert_close(
                view['data_samples'][0].gt_instances.bboxes, wanted)
    assert len(sizes) > 3


def test_an_idle_teacher_does_not_fall_behind_in_its_sizes(hub):
    augment = resize(16, 64)
    model = build(
        student=stock_toy(**augment), dry_run=False,
        teacher=dict(cfg=gated_toy(**augment), random=True),
        loss_neck=mse(loss_weight=dict(type='Constant', value=1., begin=5)))
    for i in range(10):
        hub.update_info('iter', i)
        seen = views(model, two_modalities())
        if i < 5:
            assert seen['views'] == {}
        else:
            assert seen['views']['t']['inputs'].shape[-2:] == (
                seen['inputs'].shape[-2:])


@pytest.mark.parametrize('student, teacher',
                         [(resize(16, 64), {}), ({}, resize(16, 64)),
                          (resize(16, 64), resize(16, 32)),
                          (resize(16, 64), resize(16, 64, interval=2))])
def test_unequal_random_sizes_are_refused(student, teacher):
    with pytest.raises(
            ConfigError, match="batch_augments of the student and "
            "of teacher 't' differ.*BatchSyncRandomResize"):
        build(student=stock_toy(**student),
              teacher=dict(cfg=gated_toy(**teacher), random=True))


@pytest.mark.parametrize('student, teacher', [
    (dict(pad_size_divisor=32), {}), ({}, dict(pad_size_divisor=64)),
    ({}, dict(batch_augments=[dict(type='BatchFixedSizePad', size=(64, 64))]))
])
def test_unequal_padding_is_refused(student, teacher):
    model = build(student=stock_toy(**student),
                  teacher=dict(cfg=gated_toy(**teacher), random=True))
    with pytest.raises(
            ConfigError, match=r'a picture of \(16, 24\) is padded '
            r"to \(.*\) for the student and to \(.*\) for teacher "
            "'t'"):
        views(model, two_modalities())


def test_equal_padding_and_different_preprocessors_go_together():
    pad = [dict(type='BatchFixedSizePad', size=(64, 64))]
    model = build(
        student=stock_toy(batch_augments=pad),
        teacher=dict(cfg=gated_toy(pad_size_divisor=32, batch_augments=pad),
                     random=True))
    seen = views(model, two_modalities())
    assert seen['inputs'].shape[-2:] == (64, 64)
    assert seen['views']['t']['inputs'].shape[-2:] == (64, 64)


def test_a_modality_that_the_batch_does_not_hold():
    model = build(student=stock_toy(),
                  teacher=dict(cfg=stock_toy(), random=True, inputs='gatd'))
    with pytest.raises(
            ConfigError, match="t: its data preprocessor sees "
            "'gatd', which the batch does not hold; did you mean "
            "'gated'"):
        views(model, two_modalities())
    model = build(student=stock_toy(), teacher=dict(cfg=gated_toy(),
                                                    random=True))
    with pytest.raises(ConfigError, match='gated'):
        views(model, batch())


def test_a_model_dict_keeps_its_numbers():
    cfg = algorithm_cfg(student=stock_toy())
    MODELS.build(cfg)
    assert cfg['student']['data_preprocessor']['mean'] == [100., 110., 120.]


def test_a_loss_may_leave_the_padding_out():
    pad = dict(pad_size_divisor=32)
    cfg = dict(student=stock_toy(**pad), teacher=dict(cfg=gated_toy(**pad),
                                                      random=True))
    model = build(**cfg, loss_neck=mse(valid_area=True))
    seen = views(model, two_modalities())
    assert seen['inputs'].shape[-2:] == (32, 32)
    found = model(**seen, mode='loss')['distill/raw_neck']
    student = model.student.extract_feat(seen['inputs'])
    with torch.no_grad():
        teacher = model.teachers['t'].model.extract_feat(
            seen['views']['t']['inputs'])
    # 16 × 24 pixels of 32 × 32, at strides 2 and 4.
    expected = sum(
        (s - t)[..., :16 // k, :24 // k].square().mean()
        for s, t, k in zip(student, teacher, (2, 4), strict=True)) / 2
    torch.testing.assert_close(found, expected.detach())
