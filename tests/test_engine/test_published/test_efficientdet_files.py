"""Published names of EfficientDet-D2, made into ours."""
import pytest
import torch
from mmengine.config import Config

from mmxkd.engine.model_config import build_model, read_model_config
from mmxkd.engine.published.efficientdet import convert_efficientdet
from mmxkd.engine.published.efficientdet_names import (
    our_names,
    without_wrappers,
)
from mmxkd.errors import CheckpointError, ConfigError

BN = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')


def published_names() -> list[str]:
    """All names, as the method's sheet lists them."""
    names = []

    def norm(prefix):
        names.extend(f'{prefix}.{key}' for key in BN)

    def separable(prefix):
        names.extend([
            f'{prefix}.depthwise_conv.conv.weight',
            f'{prefix}.pointwise_conv.conv.weight',
            f'{prefix}.pointwise_conv.conv.bias'
        ])

    for i in range(5):
        names += [f'bifpn.{i}.p{level}_w1' for level in (6, 5, 4, 3)]
        names += [f'bifpn.{i}.p{level}_w2' for level in (4, 5, 6, 7)]
        for conv in ('6_up', '5_up', '4_up', '3_up', '4_down', '5_down',
                     '6_down', '7_down'):
            separable(f'bifpn.{i}.conv{conv}')
            norm(f'bifpn.{i}.conv{conv}.bn')
    for lateral in ('p5_down_channel', 'p4_down_channel', 'p3_down_channel',
                    'p5_to_p6', 'p4_down_channel_2', 'p5_down_channel_2'):
        names += [f'bifpn.0.{lateral}.0.conv.{k}' for k in ('weight', 'bias')]
        norm(f'bifpn.0.{lateral}.1')
    for head in ('regressor', 'classifier'):
        for j in range(3):
            separable(f'{head}.conv_list.{j}')
            for level in range(5):
                norm(f'{head}.bn_list.{level}.{j}')
        separable(f'{head}.header')
    names.append('backbone_net.model._conv_stem.conv.weight')
    norm('backbone_net.model._bn0')
    for i in range(23):
        block = f'backbone_net.model._blocks.{i}'
        if i > 1:
            names.append(f'{block}._expand_conv.conv.weight')
            norm(f'{block}._bn0')
        names.append(f'{block}._depthwise_conv.conv.weight')
        norm(f'{block}._bn1')
        for squeeze in ('_se_reduce', '_se_expand'):
            names += [
                f'{block}.{squeeze}.conv.{k}' for k in ('weight', 'bias')
            ]
        names.append(f'{block}._project_conv.conv.weight')
        norm(f'{block}._bn2')
    return names


@pytest.fixture(scope='module')
def config(repo, tmp_path_factory) -> str:
    cfg = Config.fromfile(repo / 'configs/_base_/models/efficientdet_d2.py')
    path = tmp_path_factory.mktemp('config') / 'd2.py'
    cfg.dump(path)
    return str(path)


@pytest.fixture(scope='module')
def own(config) -> dict:
    return build_model(*read_model_config(config, 'config')).state_dict()


@pytest.fixture(scope='module')
def published(own) -> dict:
    """A file of the authors: their names, and numbers of our shapes."""
    torch.manual_seed(0)
    names = our_names({name: name for name in published_names()}, own)
    return {
        theirs: torch.rand(own[ours].shape) if own[ours].is_floating_point()
        else own[ours].clone() for ours, theirs in names.items()
    }


def test_every_name_has_one_place(own):
    names = published_names()
    assert len(names) == len(set(names)) == 1076
    assert set(our_names(dict.fromkeys(names), own)) == set(own)


@pytest.mark.parametrize(
    'theirs, ours',
    [
        ('backbone_net.model._conv_stem.conv.weight',
         'backbone.layers.0.conv.weight'),
        ('backbone_net.model._bn0.bias', 'backbone.layers.0.bn.bias'),
        # The table of blocks: 2, 3, 3, 4 + 4, 5 + 2.
        ('backbone_net.model._blocks.2._bn0.weight',
         'backbone.layers.2.0.expand_conv.bn.weight'),
        ('backbone_net.model._blocks.12._se_expand.conv.bias',
         'backbone.layers.4.4.se.conv2.conv.bias'),
        ('backbone_net.model._blocks.22._project_conv.conv.weight',
         'backbone.layers.5.6.linear_conv.conv.weight'),
        # The way to finer maps is called up there, and makes P6' … P3out.
        ('bifpn.1.p6_w1', 'neck.cells.1.downward.3.weights'),
        ('bifpn.1.p3_w1', 'neck.cells.1.downward.0.weights'),
        ('bifpn.4.conv3_up.pointwise_conv.conv.bias',
         'neck.cells.4.downward.0.conv.pointwise.bias'),
        ('bifpn.4.p7_w2', 'neck.cells.4.upward.3.weights'),
        ('bifpn.2.conv4_down.bn.bias', 'neck.cells.2.upward.0.conv.norm.bias'),
        ('bifpn.0.p3_down_channel.0.conv.bias', 'neck.laterals.0.0.bias'),
        ('bifpn.0.p4_down_channel_2.1.weight',
         'neck.upward_laterals.0.1.weight'),
        ('bifpn.0.p5_to_p6.0.conv.weight', 'neck.extra.0.0.weight'),
        ('regressor.bn_list.4.2.bias', 'bbox_head.reg_branch.norms.4.2.bias'),
        ('classifier.header.pointwise_conv.conv.bias',
         'bbox_head.cls_branch.predictor.pointwise.bias'),
    ])
def test_places(own, theirs, ours):
    assert our_names({theirs: 0}, own) == {ours: 0}


def wrapped(name: str, modality: str, module: bool) -> str:
    """As the files of the teachers may have it."""
    part, _, rest = name.partition('.')
    heads = dict(backbone_net=f'model_backbones.{modality}',
                 bifpn=f'model_necks.{modality}', regressor='model_regressor',
                 classifier='model_classifier')
    return ('module.' if module else '') + f'{heads[part]}.{rest}'


@pytest.mark.parametrize('modality', ['rgb', 'depth', 'thermal', 'audio'])
@pytest.mark.parametrize('module', [False, True])
def test_wrappers_are_taken_off(modality, module):
    """Where the released loader kept 174 of 1076 weights."""
    for name in published_names():
        assert without_wrappers(wrapped(name, modality, module)) == name
        assert without_wrappers(f'module.{name}') == name
    assert without_wrappers(f'model_classifier.{modality}.bn_list.0.0.bias'
                            ) == 'classifier.bn_list.0.0.bias'


def written(tmp_path, weights, **kwargs) -> str:
    path = tmp_path / 'published.pth.tar'
    torch.save(weights, path, **kwargs)
    return str(path)


@pytest.mark.parametrize('old', [False, True])
def test_a_whole_file(tmp_path, config, published, old):
    """Also in the format that torch 1.3 wrote, with what lay beside."""
    weights = {wrapped(k, 'thermal', True): v for k, v in published.items()}
    content = dict(epoch=3, state_dict=weights, best_loss=torch.tensor(1.))
    path = written(tmp_path, content, _use_new_zipfile_serialization=not old)
    out = tmp_path / 'ours.pth'
    report = convert_efficientdet(config, path, out)
    assert len(report.matched) == 1076 and report.fits
    assert '1076 weights match, 0 missing, 0 unexpected' in str(report)
    model = build_model(*read_model_config(config, 'config'))
    state = torch.load(out, weights_only=True)['state_dict']
    model.load_state_dict(state)
    torch.testing.assert_close(
        model.neck.cells[3].upward[2].conv.pointwise.weight,
        published['bifpn.3.conv6_down.pointwise_conv.conv.weight'])


def test_half_a_file_is_refused(tmp_path, config, published):
    """The two heads alone: 174 weights of the released thermal teacher."""
    heads = {
        k: v for k, v in published.items()
        if k.startswith(('regressor', 'classifier'))
    }
    assert len(heads) == 174
    out = tmp_path / 'ours.pth'
    with pytest.raises(CheckpointError, match='174 weights match.*missing'):
        convert_efficientdet(config, written(tmp_path, heads), out)
    more = dict(published, extra=torch.zeros(1))
    with pytest.raises(CheckpointError, match='unexpected: extra'):
        convert_efficientdet(config, written(tmp_path, more), out)
    spoilt = dict(published)
    spoilt['bifpn.0.p6_w1'] = torch.tensor([1., float('nan')])
    with pytest.raises(CheckpointError, match='downward.3.weights is NaN'):
        convert_efficientdet(config, written(tmp_path, spoilt), out)
    twice = dict(published)
    twice['module.bifpn.0.p6_w1'] = twice['bifpn.0.p6_w1']
    twice['model_necks.rgb.0.p6_w1'] = twice['bifpn.0.p6_w1']
    with pytest.raises(CheckpointError, match='both are neck.cells.0'):
        convert_efficientdet(config, written(tmp_path, twice), out)
    assert not out.exists()


def test_stem_and_classes_may_differ_if_asked(tmp_path, config, published):
    coco = dict(published)
    coco['backbone_net.model._conv_stem.conv.weight'] = torch.rand(32, 8, 3, 3)
    for key, shape in (('weight', (810, 112, 1, 1)), ('bias', (810, ))):
        coco[f'classifier.header.pointwise_conv.conv.{key}'] = torch.rand(
            *shape)
    path, out = written(tmp_path, coco), tmp_path / 'ours.pth'
    for exceptions in ((), ('stem', ), ('classes', )):
        with pytest.raises(CheckpointError, match='of another shape'):
            convert_efficientdet(config, path, out, exceptions)
    report = convert_efficientdet(config, path, out, ('stem', 'classes'))
    assert len(report.matched) == 1073 and len(report.mismatched) == 3
    with pytest.raises(ConfigError, match="'class'.*did you mean 'classes'"):
        convert_efficientdet(config, path, out, ('class', ))


def test_classes_of_coco_can_be_taken(tmp_path, config, published):
    cfg = Config.fromfile(config)
    cfg.model.bbox_head.num_classes = 2
    two = tmp_path / 'two.py'
    cfg.dump(two)
    coco = dict(published)
    bias = 'classifier.header.pointwise_conv.conv.bias'
    # The row of an anchor's class is 90 · anchor + class.
    coco[bias] = torch.arange(810.)
    coco[bias.replace('bias', 'weight')] = torch.arange(810.)[:, None, None,
                                                              None].expand(
                                                                  -1, 112, 1,
                                                                  1).clone()
    path, out = written(tmp_path, coco), tmp_path / 'ours.pth'
    report = convert_efficientdet(str(two), path, out, take_classes=(2, 7))
    assert report.fits
    state = torch.load(out, weights_only=True)['state_dict']
    expected = [90 * anchor + c for anchor in range(9) for c in (2, 7)]
    branch = 'bbox_head.cls_branch.predictor.pointwise'
    assert state[f'{branch}.bias'].tolist() == expected
    assert state[f'{branch}.weight'][:, 5, 0, 0].tolist() == expected
    with pytest.raises(ConfigError, match=r'90 classes .* no class \[90\]'):
        convert_efficientdet(str(two), path, out, take_classes=(2, 90))


@pytest.mark.slow
def test_the_command(tmp_path, config, published, repo, run_python):
    tool = repo / 'tools/model_converters/mm_distillnet.py'
    path, out = written(tmp_path, published), tmp_path / 'ours.pth'
    done = run_python(tool, config, path, out)
    assert '1076 weights match' in done.stdout and out.exists()
    published = dict(published)
    del published['bifpn.0.p6_w1']
    path = written(tmp_path, published)
    done = run_python(tool, config, path, tmp_path / 'no.pth', check=False)
    assert done.returncode == 1
    assert 'missing: neck.cells.0.downward.3.weights' in done.stderr
    assert 'Traceback' not in done.stderr
