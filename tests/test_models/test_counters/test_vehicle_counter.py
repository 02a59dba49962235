"""Counting vehicles: labels, loss, predictions, and what is refused."""
import math

import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.optim import OptimWrapper
from mmengine.structures import InstanceData

from mmxkd.errors import ConfigError
from mmxkd.models.counters import VehicleCounter, counts_of
from mmxkd.registry import MODELS


@pytest.fixture(scope='module', autouse=True)
def stock():
    register_all_modules(init_default_scope=False)


def sample(count: int, **meta) -> DetDataSample:
    found = DetDataSample(metainfo=dict(img_path=f'{count}.jpg', **meta))
    found.gt_instances = InstanceData(bboxes=torch.zeros(count, 4),
                                      labels=torch.zeros(count).long())
    return found


def build(**options) -> VehicleCounter:
    torch.manual_seed(0)
    cfg = dict(
        type='mmxkd.VehicleCounter', in_channels=64, max_count=3,
        hidden_channels=16, backbone=dict(type='mmdet.ResNet', depth=18,
                                          base_channels=8, in_channels=2),
        data_preprocessor=dict(type='mmxkd.SoundDetDataPreprocessor',
                               frame=(32, 64), microphones=2))
    return MODELS.build({**cfg, **options})


def test_loss_is_the_cross_entropy_of_capped_counts():
    model = build().eval()
    inputs = torch.randn(4, 2, 32, 64)
    counts = [0, 2, 3, 9]
    logits = model(inputs).double().tolist()
    losses = model(inputs, [sample(n) for n in counts], mode='loss')
    assert set(losses) == {'loss_count', 'acc'}
    terms, right = [], 0
    for row, label in zip(logits, [0, 2, 3, 3], strict=True):
        assert len(row) == 4
        total = math.fsum(math.exp(v) for v in row)
        terms.append(math.log(total) - row[label])
        right += row.index(max(row)) == label
    assert losses['loss_count'].item() == pytest.approx(
        sum(terms) / 4, rel=1e-5)
    assert losses['acc'].item() == pytest.approx(100 * right / 4)


def test_logits_are_the_mlp_of_the_mean_of_the_last_map():
    model = build().eval()
    inputs = torch.randn(2, 2, 32, 64)
    feature = model.backbone(inputs)[-1]
    assert feature.shape[1] == 64
    mean = feature.flatten(2).sum(2) / feature[0, 0].numel()
    first, _, last = model.head
    hidden = (mean @ first.weight.T + first.bias).clamp(min=0)
    torch.testing.assert_close(model(inputs),
                               hidden @ last.weight.T + last.bias)


def test_it_learns_to_count():
    """How many of four stripes are loud; through data preprocessor and
    optimizer, as a runner does it.
    """
    model = build().train()
    generator = torch.Generator().manual_seed(0)

    def batch():
        counts = torch.randint(0, 5, (16, ), generator=generator)
        sounds = 0.1 * torch.randn(16, 2, 32, 64, generator=generator)
        for sound, n in zip(sounds, counts, strict=True):
            for stripe in torch.randperm(4, generator=generator)[:n]:
                sound[:, :, 16 * stripe:16 * stripe + 8] += 1
        return dict(inputs=dict(spectrogram=list(sounds)),
                    data_samples=[sample(int(n)) for n in counts])

    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), 3e-3))
    for _ in range(60):
        logs = model.train_step(batch(), wrapper)
    assert logs['loss'] < 0.7 and logs['loss'] == logs['loss_count']
    model.eval()
    data = batch()
    found = model.val_step(data)
    right = [s.pred_count == min(len(s.gt_instances), 3) for s in found]
    # Chance is 0.4, since 3 and 4 are one class.
    assert sum(right) / len(right) > 0.7


def test_predictions_are_an_int_and_probabilities():
    model = build().eval()
    samples = [sample(0), sample(2)]
    with torch.no_grad():
        logits = model(torch.ones(2, 2, 32, 64))
        found = model(torch.ones(2, 2, 32, 64), samples, mode='predict')
    assert found[0] is samples[0] and found[1] is samples[1]
    for one, row in zip(found, logits, strict=True):
        assert type(one.pred_count) is int
        assert one.pred_count == row.argmax()
        torch.testing.assert_close(one.count_scores, row.softmax(0))
        assert {'pred_count', 'count_scores'} <= set(one.to_dict())


def test_a_batch_of_empty_frames():
    model = build().train()
    losses = model(torch.randn(2, 2, 32, 64), [sample(0), sample(0)],
                   mode='loss')
    losses['loss_count'].backward()
    assert losses['loss_count'].isfinite()
    assert all(p.grad.isfinite().all() for p in model.parameters()
               if p.requires_grad)


def test_counts():
    labelled = [
        sample(3),
        sample(0, labelled=True),
        sample(1, labelled=False, label_source='teacher')
    ]
    assert counts_of(labelled) == [3, 0, 1]


@pytest.mark.parametrize('bad, message', [
    (DetDataSample(metainfo=dict(img_path='a.jpg')),
     'sample a.jpg .* no gt_instances.*LoadAnnotations'),
    (DetDataSample(), 'sample number 1 of the batch'),
    (sample(0, labelled=False), 'sample 0.jpg .*nobody has labelled'),
])
def test_what_cannot_be_counted(bad, message):
    with pytest.raises(ConfigError, match=message):
        counts_of([sample(1), bad])
    with pytest.raises(ConfigError, match=message):
        build()(torch.zeros(2, 2, 32, 64), [sample(1), bad], mode='loss')


@pytest.mark.parametrize('options, message', [
    (dict(max_count=0), 'max_count=0, expected a whole number above 0'),
    (dict(max_count=2.), 'max_count=2.0'),
    (dict(hidden_channels=0), 'hidden_channels=0'),
    (dict(in_channels=-1), 'in_channels=-1'),
])
def test_numbers_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=message):
        build(**options)


def test_the_head_has_to_fit_the_backbone():
    with pytest.raises(
            ConfigError, match=r'in_channels=48, but the last map of ResNet '
            r'is \(1, 64, 1, 2\)'):
        build(in_channels=48)(torch.zeros(1, 2, 32, 64))


def test_modes():
    model = build().eval()
    with pytest.raises(ConfigError, match="mode='los'.*did you mean 'loss'"):
        model(torch.zeros(1, 2, 32, 64), [sample(1)], mode='los')
    with pytest.raises(ConfigError, match="mode='predict' needs data_samples"):
        model(torch.zeros(1, 2, 32, 64), mode='predict')
