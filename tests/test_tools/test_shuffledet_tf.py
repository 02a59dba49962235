"""The converter of ShuffleDet's TensorFlow files, from made-up ones."""
import io
import pickle
import zipfile

import numpy as np
import pytest
import torch
from mmdet.apis import init_detector
from mmengine.registry import DefaultScope

from mmxkd.engine.published.shuffledet_tf import TEACHER, convert_shuffledet
from mmxkd.errors import CheckpointError
from mmxkd.registry import MODELS
from tests.helpers.commands import load_tool
from tests.helpers.golden_shuffledet import detector_config, variables

UNITS = (4, 6, 4, 2)
CONVS = ['conv1'] + [
    f'{stage}/block{i}/{conv}'
    for stage, units in zip(('group1', 'group2', 'group3',
                             'added3'), UNITS, strict=True)
    for i in range(units) for conv in ('conv1', 'dconv', 'conv2')
]
TRAINING = {
    'global_step': np.int64(40000), 'iou': np.zeros((8, 9), np.float32),
    'adaptation/conv/kernels': np.zeros((3, 3, 192, 768), np.float32),
    'adaptation/conv/biases': np.zeros(768, np.float32),
    'conv1/W/Momentum': np.zeros((3, 3, 3, 24), np.float32)
}


@pytest.fixture(scope='module')
def student():
    return variables('x025', CONVS, 7, .5)


@pytest.fixture
def arrays(student):
    return dict(student)


def test_the_file_of_a_distillation(repo, tmp_path, arrays, capsys,
                                    monkeypatch):
    """Both of its detectors, whatever else is in it."""
    teacher = variables('x1', CONVS, 0, .5)
    tool = load_tool(repo / 'tools/model_converters/shuffledet_tf.py')
    whole = arrays | TRAINING | {TEACHER + n: v for n, v in teacher.items()}
    path = tmp_path / 'model.npz'
    np.savez(path, **whole)
    for name, options, left in (('x025', (), len(teacher)),
                                ('x1', ('--teacher', ), len(arrays))):
        out = tmp_path / f'{name}.pth'
        monkeypatch.setattr(
            'sys.argv',
            ['shuffledet_tf.py',
             str(path), str(out), *options])
        tool.main()
        lines = capsys.readouterr().out.splitlines()
        assert f'247 weights and statistics, {left + 5} variables' in lines[-1]
        assert sum('left out:' in line for line in lines) == left + 5
        assert any('adaptation/conv/kernels (the adapter' in line
                   for line in lines)
        # Stock mmdet reads it with the shipped config.
        config = repo / f'configs/fine_grained/shuffledet_{name}_kitti.py'
        model = init_detector(str(config), str(out), device='cpu')
        assert model.dataset_meta['classes'][1] == 'Pedestrian'
        expected = teacher if name == 'x1' else arrays
        own = model.backbone.group2[3].dconv
        kernel = expected['group2/block3/dconv/W']
        for channel in (0, 3):
            assert np.array_equal(own.conv.weight[channel, 0].detach(),
                                  kernel[:, :, channel, 0])
        assert np.array_equal(own.bn.running_var,
                              expected['group2/block3/dconv/bn/variance/EMA'])
        assert np.array_equal(model.bbox_head.conv_det.weight.detach().numpy(),
                              expected['conv12/kernels'].transpose(3, 2, 0, 1))


@pytest.mark.parametrize('name', ['x1', 'x05', 'x025'])
def test_every_weight_has_a_place(name):
    done = convert_shuffledet(variables(name, CONVS, 3, .5), 'x.npz')
    config = detector_config(name)
    assert done.backbone == {'stem_channels': 24, 'first_expand_groups': 3} | {
        k: v for k, v in config['backbone'].items() if k != 'type'
    }
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(config)
    missing, unexpected = model.load_state_dict(done.state, strict=False)
    assert not unexpected and not done.left_out
    assert all(n.endswith('num_batches_tracked') for n in missing)


def without(name):
    return lambda a: a.pop(name)


def with_(name, value):
    return lambda a: a.update({name: value})


@pytest.mark.parametrize('change, message', [
    (without('group2/block5/conv2/bn/beta'),
     'nothing for 1 weights: backbone.group2.5.conv2.bn.bias'),
    (without('conv1/W'), r'nothing for backbone.conv1.conv.weight; 246'),
    (without('conv12/biases'), 'nothing for bbox_head.conv_det.bias'),
    (with_('group4/block0/conv1/W', np.zeros(
        (1, 1, 4, 4),
        np.float32)), '1 unknown variables: group4/block0/conv1/W'),
    (with_('group2/block6/conv1/W', np.zeros(
        (1, 1, 4, 4), np.float32)), 'no place for group2/block6/conv1/W'),
    (with_('conv1/bn/gamma', np.ones(23, np.float32)),
     r'conv1/bn/gamma is \(23,\) after transposing, expected \(24,\)'),
    (with_('conv1/bn/gamma', np.ones(24)), 'conv1/bn/gamma is float64'),
    (with_('conv1/bn/gamma', np.full(
        24, np.nan, np.float32)), 'conv1/bn/gamma is not finite'),
    (with_('group1/block0/conv2/W', np.zeros(
        (1, 1, 7, 36),
        np.float32)), r'takes 7 of 15 channels, expected 15 or 5'),
    (with_('conv1/W',
           np.float32(3) + np.zeros(())), r'conv1/W is \(\), expected 4 axes'),
    (with_('group1/block0/conv2/W', np.zeros(
        7, np.float32)), r'group1/block0/conv2/W is \(7,\), expected 4 axes'),
    (with_('added3/block1/conv2/W', np.zeros((1, 1, 48, 0), np.float32)),
     r'added3/block1/conv2/W is \(1, 1, 48, 0\), .* none of them empty'),
    (with_('added3/block1/conv2/W', np.zeros((1, 1, 48, 100), np.float32)),
     r'no ShuffleDet has a stem of 24 channels .* last map of 100'),
    (with_('conv12/biases', np.zeros(81, np.float32)),
     'conv12/biases has 81 values, expected 72: 9 anchors with 3 classes'),
])
def test_files_that_do_not_fit(arrays, change, message):
    change(arrays)
    with pytest.raises(CheckpointError, match='x.npz: .*' + message):
        convert_shuffledet(arrays, 'x.npz')


def test_a_teacher_alone_is_asked_for(arrays):
    inside = {TEACHER + name: value for name, value in arrays.items()}
    with pytest.raises(CheckpointError, match=f"use the prefix '{TEACHER}'"):
        convert_shuffledet(inside, 'x.npz')


@pytest.mark.parametrize('content', [
    'pickle', 'truncated', 'text', 'object', 'npy', 'pytorch', 'empty member',
    'deflated', 'huge'
])
def test_damaged_files(repo, tmp_path, content):
    tool = load_tool(repo / 'tools/model_converters/shuffledet_tf.py')
    path = tmp_path / 'model.npz'
    np.savez(
        path, x=np.array([print, 1], object) if content == 'object' else
        np.arange(1000))
    if content == 'pickle':
        path.write_bytes(pickle.dumps(dict(a=1)))
    if content == 'truncated':
        path.write_bytes(path.read_bytes()[:500])
    if content == 'text':
        path.write_text('not a file of numpy')
    if content == 'npy':
        with open(path, 'wb') as file:
            np.save(file, np.zeros(3))
    if content == 'pytorch':
        torch.save(dict(x=torch.zeros(3)), path)
    if content == 'deflated':
        np.savez_compressed(path, x=np.random.default_rng(0).random(9999))
        whole = path.read_bytes()
        path.write_bytes(whole[:2000] + bytes(300) + whole[2300:])
    if content in ('empty member', 'huge'):
        head = io.BytesIO()
        if content == 'huge':
            np.lib.format.write_array_header_1_0(
                head, dict(descr='<f8', fortran_order=False, shape=(10**12, )))
        with zipfile.ZipFile(path, 'w') as archive:
            archive.writestr('x.npy', head.getvalue())
    with pytest.raises(CheckpointError, match=f'{path}: not an .npz file'):
        tool.read(str(path))


def test_an_error_is_one_line(repo, tmp_path, run_python):
    path = tmp_path / 'model.npz'
    np.savez(path, x=np.arange(3))
    done = run_python(repo / 'tools/model_converters/shuffledet_tf.py', path,
                      tmp_path / 'out.pth', check=False)
    assert done.returncode == 1 and not (tmp_path / 'out.pth').exists()
    assert done.stderr.splitlines()[-1] == (
        f'error: {path}: 1 unknown variables: x')


def test_the_output_is_a_file_of_its_own(repo, tmp_path, arrays, run_python):
    tool = repo / 'tools/model_converters/shuffledet_tf.py'
    path = tmp_path / 'model.pth'
    with open(path, 'wb') as file:
        np.savez(file, **arrays)
    before = path.read_bytes()
    for out, message in ((path, 'would replace the file it is made of'),
                         (tmp_path / 'x.npz', 'must end in .pth'),
                         (path / 'below.pth', str(path))):
        done = run_python(tool, path, out, check=False)
        assert done.returncode == 1 and 'Traceback' not in done.stderr
        last = done.stderr.splitlines()[-1]
        assert last.startswith('error: ') and message in last
    assert path.read_bytes() == before


def test_weights_stay_what_they_are_in_float32(arrays):
    done = convert_shuffledet(arrays, 'x.npz')
    assert {t.dtype for t in done.state.values()} == {torch.float32}
    assert all(t.is_contiguous() for t in done.state.values())
