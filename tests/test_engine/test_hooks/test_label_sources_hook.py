"""What the hook makes of samples, and that a run does with it."""
from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmxkd.engine.hooks import LabelSourcesHook
from mmxkd.engine.hooks.label_sources_hook import summary
from mmxkd.errors import ConfigError
from tests.helpers.detectors import narrow, pictures
from tests.helpers.tiny_pair import train, write_pair


def frame(source=None, scores=(), labelled=False):
    sample = DetDataSample(metainfo=dict(img_path='a.png', labelled=labelled))
    if source is not None:
        sample.set_metainfo(dict(label_source=source))
    count = len(scores)
    sample.gt_instances = InstanceData(
        bboxes=torch.arange(4. * count).view(count, 4),
        labels=torch.arange(count), scores=torch.tensor(scores))
    return sample


def runner(model, **kwargs):
    loader = SimpleNamespace(sampler=None, batch_sampler=None)
    return SimpleNamespace(model=model, train_dataloader=loader,
                           train_loop=None, **kwargs)


def test_sources_are_summed_up_apart():
    human = frame('human', [1., 1., 1.], labelled=True)
    found = summary([
        human,
        frame('gated', [0.5, 0.75]),
        frame('gated', [1.]),
        frame('thermal'),
        frame()
    ])
    assert found == dict(frames_human=1, boxes_human=3, frames_gated=2,
                         boxes_gated=1.5, score_gated=0.75, frames_thermal=1,
                         boxes_thermal=0, frames_unlabelled=1,
                         boxes_unlabelled=0)
    assert summary([human]) == summary([]) == {}


def test_unsure_boxes_become_ignored():
    hook = LabelSourcesHook(ignore_below=0.6)
    sample = frame('t', [0.9, 0.5, 0.6])
    sample.ignored_instances = InstanceData(bboxes=torch.full((1, 4), 9.),
                                            labels=torch.tensor([7]))
    weights = hook._frame(sample)
    assert sample.gt_instances.labels.tolist() == [0, 2]
    assert sample.ignored_instances.labels.tolist() == [1, 7]
    assert sample.ignored_instances.bboxes[:, 0].tolist() == [4, 9]
    assert weights.base == 1 and weights.factors.tolist() == [1, 0, 1]
    # A human is always sure.
    sample = frame('human', [0.9, 0.5], labelled=True)
    assert hook._frame(sample).plain and len(sample.gt_instances) == 2


@pytest.mark.parametrize('source, base', [('human', 2.), ('thermal', 0.25),
                                          ('gated', 0.5)])
def test_a_teacher_by_name_goes_before_teachers(source, base):
    hook = LabelSourcesHook(dict(human=2, teacher=0.5, thermal=0.25),
                            by_score=True)
    weights = hook._frame(frame(source, [0.5]))
    assert weights.base == base
    assert weights.factors.tolist() == ([] if source == 'human' else [0.5])


def test_by_score_needs_scores():
    sample = frame('t', [0.5])
    del sample.gt_instances.scores
    with pytest.raises(ConfigError, match="a.png: is labelled by 't', but .* "
                       'no scores'):
        LabelSourcesHook(by_score=True)._frame(sample)


@pytest.mark.parametrize('options, message', [
    (dict(weights=dict(human=-1)), 'weights.human=-1, expected a number'),
    (dict(weights=dict(t=float('nan'))), 'weights.t=nan'),
    (dict(weights=dict(unlabelled=0.5)), 'unlabelled=0.5.*expected 0'),
    (dict(ignore_below=2), 'ignore_below=2, expected 0 to 1'),
])
def test_bad_options(options, message):
    with pytest.raises(ConfigError, match=message):
        LabelSourcesHook(**options)


def detector():
    torch.manual_seed(0)
    model = MODELS.build(narrow('retinanet'))
    model.init_weights()
    return model.eval()


def losses(model, change):
    data = model.data_preprocessor(pictures(), True)
    change(data['data_samples'])
    model.zero_grad()
    total, _ = model.parse_losses(model(**data, mode='loss'))
    total.backward()
    return model.bbox_head.retina_cls.weight.grad.clone()


def unlabel(samples):
    samples[1].set_metainfo(dict(labelled=False))
    samples[1].gt_instances = samples[1].gt_instances[:0]


def test_frames_that_nobody_labelled_are_refused_or_weigh_nothing():
    model = detector()
    hook = LabelSourcesHook()
    hook.before_train(runner(model))
    with pytest.raises(
            ConfigError, match='nobody has labelled images/1.png.*'
            'background.*distiller.labels'):
        losses(model, unlabel)
    hook.after_train(None)
    plain = losses(model, unlabel)

    hook = LabelSourcesHook(dict(unlabelled=0))
    hook.before_train(runner(model))
    found = losses(model, unlabel)
    # As if the second frame were not there, whatever it shows.
    assert not torch.allclose(found, plain, rtol=1e-2, atol=0)

    def other(samples):
        unlabel(samples)
        samples[1].gt_instances = InstanceData(
            bboxes=torch.tensor([[4., 4., 40., 40.]]),
            labels=torch.tensor([1]))

    ratio = losses(model, other) / found
    known = found.abs() > found.abs().max() / 100
    assert ratio[known].max() - ratio[known].min() < 1e-4
    hook.after_train(None)
    assert torch.equal(losses(model, unlabel), plain)


@pytest.mark.parametrize('name, layer', [
    ('retinanet', 'bbox_head.retina_cls'),
    ('fcos', 'bbox_head.conv_cls'),
    ('faster_rcnn', 'rpn_head.rpn_cls'),
])
@pytest.mark.parametrize('ignores', [True, False])
def test_nothing_is_learned_inside_of_an_unsure_box(name, layer, ignores):
    """mmdet's own heads learn background there, its ignored boxes or not."""
    torch.manual_seed(0)
    model = MODELS.build(narrow(name))
    model.init_weights()
    model.eval()
    hook = LabelSourcesHook(ignore_below=0.6 if ignores else None)
    hook.before_train(runner(model))
    grads = []
    handle = model.get_submodule(layer).register_full_backward_hook(
        lambda module, args, output: grads.append(output[0]))
    data = model.data_preprocessor(pictures(), True)
    for sample in data['data_samples']:
        sample.set_metainfo(dict(labelled=False, label_source='t'))
        # x 40 to 72 and y 8 to 56, apart from the sure one.
        unsure = torch.tensor([[40., 8., 72., 56.]])
        sure = torch.tensor([[2., 2., 30., 40.]])
        sample.gt_instances = InstanceData(bboxes=torch.cat([sure, unsure]),
                                           labels=torch.tensor([0, 0]),
                                           scores=torch.tensor([0.9, 0.5]))
        if not ignores:
            sample.ignored_instances = sample.gt_instances[1:]
            sample.gt_instances = sample.gt_instances[:1]
    total, _ = model.parse_losses(model(**data, mode='loss'))
    total.backward()
    handle.remove()
    hook.after_train(None)
    # Levels go backwards; the finest is the largest.
    finest = max(grads, key=torch.numel)
    step = 64 // finest.shape[-2]
    inside = finest[..., 8 // step:56 // step, 40 // step:72 // step]
    assert (inside.abs().max() == 0) == ignores
    assert finest[..., :32 // step].abs().max() > 0


def test_an_error_in_a_step_leaves_no_weights_behind():
    model = detector()
    hook = LabelSourcesHook(dict(teacher=0.5))
    hook.before_train(runner(model))
    plain = losses(model, lambda samples: None)

    def broken(samples):
        samples[0].set_metainfo(dict(label_source='t'))
        del samples[0].gt_instances.labels

    with pytest.raises(AttributeError):
        losses(model, broken)
    assert hook._predictions._frames is None
    assert torch.equal(losses(model, lambda samples: None), plain)
    # A prediction is not weighed either.
    hook.after_train(None)
    assert not model._forward_hooks and not model._forward_pre_hooks


@pytest.fixture(scope='module')
def pair(tmp_path_factory):
    root = tmp_path_factory.mktemp('pair')
    return root, write_pair(root)


def mix(cfg, source, labels=None, hook=None, sampler='DefaultSampler',
        batch_sampler=True, **loss):
    """train.json is labelled, and val.json is not."""
    loader = cfg.train_dataloader
    *loads, _ = loader.dataset.pipeline
    pack = dict(type='mmxkd.PackMultiModalInputs', modalities=('img', ))

    def part(source, name):
        mark = dict(type='mmxkd.MarkSource', source=source)
        return dict(loader.dataset, ann_file=name, filter_cfg=None,
                    type='mmxkd.ScoredCocoDataset',
                    pipeline=[*loads[:2], mark, *loads[2:], pack])

    loader.sampler = dict(type=sampler, shuffle=True)
    if batch_sampler:
        loader.batch_sampler = dict(type='mmxkd.MixedBatchSampler',
                                    ratio=(1, 1))
    loader.dataset = dict(
        type='mmxkd.MixedDataset',
        datasets=[part('human', 'train.json'),
                  part(source, 'val.json')])
    if labels:
        cfg.model.distiller.labels = dict(boxes=labels)
    del cfg.model.distiller.losses['loss_adversarial']
    cfg.model.distiller.losses.loss_feature.update(loss)
    cfg.custom_hooks = [
        h for h in cfg.custom_hooks if h['type'] != 'mmxkd.LabelSourcesHook'
    ] + [dict(type='mmxkd.LabelSourcesHook', **(hook or {}))]


def history(runner, name):
    return runner.message_hub.get_scalar(f'train/{name}').data[0].tolist()


def test_a_run_with_live_labels(pair, tmp_path):
    """8 labelled frames, one in each batch of 2."""
    root, config = pair
    done = train(
        config, tmp_path, lambda cfg: mix(
            cfg, 'unlabelled',
            dict(type='TeacherLabels', teacher='wide', score_thr=0.0),
            dict(weights=dict(teacher=0.5), by_score=True, ignore_below=0.01),
            only='unlabelled'))
    assert done.iter == 8
    assert history(done, 'labels/frames_human') == [1] * 8
    assert history(done, 'labels/frames_wide') == [1] * 8
    assert history(done, 'labels/boxes_human') == [2] * 8
    assert all(0.01 <= s <= 1 for s in history(done, 'labels/score_wide'))
    assert all(x > 0 for x in history(done, 'distill/raw_feature'))
    logged = (tmp_path / done.timestamp / f'{done.timestamp}.log').read_text()
    assert 'labels/frames_wide: 1.0000' in logged


@pytest.mark.parametrize('change, message', [
    (dict(), 'detection losses: nobody has labelled .*val_'),
    (dict(sampler='InfiniteSampler'), 'its sampler has no end'),
    (dict(sampler='InfiniteSampler',
          batch_sampler=False), 'its sampler has no end'),
    (dict(only='humans'), "only='humans', expected one of.*'human'"),
])
def test_runs_that_are_refused(pair, tmp_path, change, message):
    root, config = pair
    with pytest.raises(ConfigError, match=message):
        train(config, tmp_path, lambda cfg: mix(cfg, 'unlabelled', **change))


def test_a_run_that_learns_features_of_frames_without_labels(pair, tmp_path):
    root, config = pair
    done = train(
        config, tmp_path, lambda cfg: mix(
            cfg, 'unlabelled', hook=dict(weights=dict(unlabelled=0))))
    assert done.iter == 8
    assert history(done, 'labels/frames_unlabelled') == [1] * 8
