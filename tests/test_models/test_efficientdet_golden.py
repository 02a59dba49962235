"""The network against numbers of the published one, float64."""
import numpy as np
import pytest
import torch

from tests.helpers.efficientdet import build, fill, parts, rows

CASES = dict(audio=(8, .3), rect=(3, .9), thermal=(1, 1.7))
FUSION = ((1.3, .7), (.6, 1.1, 1.3))
PARAMETERS = dict(audio=8027289, rect=8025849, thermal=8025273)


@pytest.fixture(scope='module')
def golden(shared_data):
    return np.load(shared_data / 'mm_distillnet_golden/efficientdet_d2.npz',
                   allow_pickle=False)


@pytest.fixture(scope='module', params=CASES)
def walked(request, golden):
    """What each layer gives, in train mode and then in eval mode."""
    channels, phase = CASES[request.param]
    model = fill(build(channels), phase, FUSION)
    x = torch.from_numpy(golden[f'{request.param}_input_i8']).double() / 40
    walks = {}
    for mode in ('train', 'eval'):
        model.train(mode == 'train')
        seen = dict(blocks=[], cells=[])
        hooks = [
            part.register_forward_hook(
                # The activation of the stem then overwrites it.
                lambda _, __, out, seen=seen: seen['blocks'].append(out.clone(
                ))) for _, part in parts(model)
        ] + [
            cell.register_forward_hook(
                lambda _, __, out, seen=seen: seen['cells'].append(out))
            for cell in model.neck.cells
        ]
        with torch.no_grad():
            seen['pyramid'] = model.extract_feat(x)
            scores, deltas = model.bbox_head(seen['pyramid'])
        seen['cls'] = rows(scores, 20).sigmoid()
        seen['reg'] = rows(deltas, 4)
        for hook in hooks:
            hook.remove()
        walks[mode] = seen
    return request.param, model, walks


@pytest.mark.parametrize('mode', ['train', 'eval'])
def test_every_layer_and_every_output(walked, golden, mode):
    case, _, walks = walked
    walk, prefix = walks[mode], f'{case}_{mode}_'

    def means(key, values):
        # Batch norm over the single pixel of P7 amplifies rounding.
        np.testing.assert_allclose([float(v) for v in values],
                                   golden[prefix + key], rtol=4e-9, atol=1e-15)

    blocks = walk['blocks']
    assert [list(b.shape)
            for b in blocks] == golden[prefix + 'stem_block_shape'].tolist()
    means('stem_block_absmean', [b.abs().mean() for b in blocks])
    means('stem_block_mean', [b.mean() for b in blocks])
    for i, cell in enumerate(walk['cells']):
        means(f'cell{i}_absmean', [level.abs().mean() for level in cell])
    for i, level in enumerate(walk['pyramid'], 3):
        assert list(level.shape) == golden[f'{prefix}P{i}_shape'].tolist()
        for end, part in (('first', slice(None,
                                          16)), ('last', slice(-16, None))):
            np.testing.assert_allclose(level.flatten()[part],
                                       golden[f'{prefix}P{i}_{end}16'],
                                       atol=3e-6, rtol=0)
    np.testing.assert_allclose(walk['pyramid'][3], golden[prefix + 'P6'],
                               atol=3e-6, rtol=0)
    for key, width in (('cls', 20), ('reg', 4)):
        np.testing.assert_allclose(walk[key].reshape(-1, width)[::31],
                                   golden[f'{prefix}{key}_every31st'],
                                   atol=3e-6, rtol=0)
        means(f'{key}_colmean', walk[key].reshape(-1, width).mean(0))


def test_running_statistics_and_sizes(walked, golden):
    case, model, _ = walked
    norms = [m for m in model.modules() if hasattr(m, 'running_mean')]
    for key in ('mean', 'var'):
        total = sum(float(getattr(m, f'running_{key}').sum()) for m in norms)
        assert total == pytest.approx(
            float(golden[f'{case}_running_{key}_sum']), rel=1e-9)
    count = sum(p.numel() for p in model.parameters())
    assert count == golden[f'{case}_n_parameters'] == PARAMETERS[case]
    assert len(model.state_dict()) == golden[f'{case}_n_state'] == 1076
