"""Detectors in onnxruntime against the same in PyTorch."""
import copy
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

from mmxkd.deploy import DeployError, Detections, OnnxDetector
from mmxkd.engine.model_config import build_model
from mmxkd.export.check import check_onnx, differences
from mmxkd.export.onnx_file import RawOutputs, export_onnx, read_detector
from mmxkd.export.recipe import head_word, make_recipe
from tests.helpers.detectors import narrow


def test_outputs_and_detections_of_twenty_pictures(exported):
    _, model, cfg, path = exported
    found = check_onnx(model, cfg, path)
    assert found.pictures == 20 and found.detections > 500
    assert found.outputs <= 1e-4 and found.different == 0
    assert found.equal


def test_a_wrong_weight_is_noticed(exported):
    _, model, cfg, path = exported
    name, weight = next(iter(model.bbox_head.named_parameters()))
    with torch.no_grad():
        kept = weight[0].clone()
        weight[0] += .01
        found = check_onnx(model, cfg, path, pictures=1)
        weight[0] = kept
    assert not found.equal and found.outputs > 1e-4


def test_an_output_that_is_no_number_is_noticed(exported):
    """Nothing is larger than NaN, and nothing is found."""
    _, model, cfg, path = exported
    layer = next(m for m in model.bbox_head.modules()
                 if isinstance(m, torch.nn.Conv2d))
    handle = layer.register_forward_hook(lambda *args: args[2] * float('nan'))
    try:
        found = check_onnx(model, cfg, path, pictures=1)
    finally:
        handle.remove()
    assert found.outputs == float('inf') and not found.equal


@pytest.mark.parametrize('number', [0, -5])
def test_nothing_to_compare_is_an_error(exported, number):
    with pytest.raises(ValueError, match=f'{number} pictures to compare'):
        check_onnx(*exported[1:], pictures=number)


@pytest.mark.parametrize('batch', [1, 3, 4])
def test_any_batch(exported, batch):
    """Raw outputs on random inputs, absolute."""
    _, model, _, path = exported
    detector = OnnxDetector(path)
    inputs = torch.randn(batch, 3, *detector.recipe['padded'],
                         generator=torch.Generator().manual_seed(batch))
    raw = RawOutputs(model)
    with torch.no_grad():
        expected = raw(inputs)
    found = detector.raw(inputs.numpy())
    for name, value in zip(raw.names, expected, strict=True):
        assert found[name].shape == (batch, len(detector.priors),
                                     value.shape[2])
        np.testing.assert_allclose(found[name], value.numpy(), rtol=1e-4,
                                   atol=1e-4)


def test_the_deployed_folder_needs_no_torch_and_no_mmxkd(exported, tmp_path):
    """Copied elsewhere under another name, with both kept from import."""
    root, _, _, path = exported
    import mmxkd.deploy
    shutil.copytree(mmxkd.deploy.__path__[0], tmp_path / 'mine',
                    ignore=shutil.ignore_patterns('__pycache__'))
    picture = root / 'data/0.png'
    done = subprocess.run([
        sys.executable, '-c', '''
import sys
for name in ("torch", "mmxkd", "mmengine", "mmcv", "mmdet", "onnx"):
    sys.modules[name] = None  # an import of it raises
import cv2
from mine import OnnxDetector
detector = OnnxDetector(sys.argv[1])
boxes, scores, labels = detector([cv2.imread(sys.argv[2])])[0]
print(len(scores), *detector.classes)
''', path,
        str(picture)
    ], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = OnnxDetector(path)([cv2.imread(str(picture))])[0]
    assert done.stdout.split() == [
        str(len(expected.scores)), 'one', 'two', 'three'
    ]


def test_nothing_of_this_machine_is_in_the_file(exported, repo):
    content = open(exported[3], 'rb').read()
    assert str(repo).encode() not in content
    assert b'site-packages' not in content


def test_what_is_no_picture_is_refused(exported):
    detector = OnnxDetector(exported[3])
    assert detector([]) == []
    for wrong in (np.zeros((4, 4), np.uint8), np.zeros(
        (4, 4, 3)), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(DeployError, match=r'expected \(H, W, 3\), uint8'):
            detector([wrong])
    # What cv2.imread gives for a file that is not there, and a picture that
    # was not put into a list.
    with pytest.raises(DeployError, match='picture is NoneType.*cv2.imread'):
        detector([None])
    picture = np.zeros((40, 50, 3), np.uint8)
    with pytest.raises(DeployError, match=r'\(40, 50, 3\), expected a list'):
        detector(picture)
    assert len(detector(picture[None])) == 1


def test_files_of_others_are_refused(exported, tmp_path):
    import onnx
    proto = onnx.load(exported[3])
    del proto.metadata_props[:]
    onnx.save(proto, tmp_path / 'plain.onnx')
    with pytest.raises(DeployError, match='plain.onnx: .* has no recipe'):
        OnnxDetector(str(tmp_path / 'plain.onnx'))
    (tmp_path / 'cut.onnx').write_bytes(b'\x08\x09')
    with pytest.raises(DeployError, match='cut.onnx: onnxruntime cannot'):
        OnnxDetector(str(tmp_path / 'cut.onnx'))


def test_a_recipe_of_another_version_is_refused(exported, tmp_path):
    import onnx
    proto = onnx.load(exported[3])
    entry = proto.metadata_props[0]
    entry.value = entry.value.replace('"format": 2', '"format": 7')
    onnx.save(proto, tmp_path / 'new.onnx')
    with pytest.raises(DeployError, match='format 7 .*expected format 2'):
        OnnxDetector(str(tmp_path / 'new.onnx'))


def other_recipe(path, out, old, new):
    import onnx
    proto = onnx.load(path)
    entry = proto.metadata_props[0]
    assert old in entry.value
    entry.value = entry.value.replace(old, new)
    onnx.save(proto, out)


@pytest.mark.parametrize('old, new, message', [
    ('"priors": "', '"priors": ', 'its recipe is not JSON'),
    ('"head": ', '"hat": ', 'for head None, expected format 2'),
    ('"priors": ', '"prior": ', 'its recipe has no priors'),
    ('"mean": ', '"means": ', 'its recipe has no mean'),
    ('"priors": "', '"priors": "AAAA', r'not fit its network \(priors: '),
    ('"priors": "', '"priors": 0, "other": "', 'not fit its network'),
])
def test_recipes_that_cannot_be_used(exported, tmp_path, old, new, message):
    out = str(tmp_path / 'odd.onnx')
    other_recipe(exported[3], out, old, new)
    with pytest.raises(DeployError, match=f'odd.onnx: .*{message}'):
        OnnxDetector(out)


def test_a_recipe_of_another_network(exported, tmp_path):
    out = str(tmp_path / 'odd.onnx')
    own, other = '"convdet"', '"ssd"'
    if 'ssd' in exported[0].parent.name:
        own, other = other, own
    other_recipe(exported[3], out, own, other)
    with pytest.raises(DeployError, match='odd.onnx: its outputs are .*logit'):
        OnnxDetector(out)


def test_operators_of_another_time(exported, tmp_path):
    import onnx
    proto = onnx.load(exported[3])
    proto.opset_import[0].version = 99
    onnx.save(proto, tmp_path / 'new.onnx')
    with pytest.raises(DeployError, match='(?is)new.onnx: .*opset'):
        OnnxDetector(str(tmp_path / 'new.onnx'))


@pytest.mark.parametrize('name', ['retinanet', 'faster_rcnn'])
def test_other_detectors_are_refused_with_what_is_supported(name):
    with pytest.raises(ValueError, match='cannot be exported') as refused:
        head_word(build_model(narrow(name), "mmdet"))
    assert 'mmxkd.ConvDetHead' in str(refused.value)
    assert 'mmxkd.SSDLiteHead' in str(refused.value)


@pytest.mark.parametrize('change, message', [
    (dict(scale=(64, 64), keep_ratio=True), 'Resize with keep_ratio=True: a'),
    (dict(scale=64), 'Resize to 64: expected one fixed size'),
    (dict(interpolation='nearest'), "Resize with interpolation='nearest'"),
    (dict(backend='pillow'),
     "with backend='pillow': .* does backend='cv2' alone"),
    (dict(scale_factor=2.), 'Resize with scale_factor=2.0'),
    (dict(type='LoadImageFromFile', color_type='grayscale'),
     "LoadImageFromFile with color_type='grayscale'"),
    (dict(type='LoadImageFromFile',
          imdecode_backend='pillow'), "with imdecode_backend='pillow'"),
    (dict(type='LoadImageFromFile'), 'no Resize; expected one'),
    (dict(type='mmdet.RandomFlip', prob=.5), 'does not do RandomFlip'),
])
def test_pipelines_that_are_not_deployed(exported, tmp_path, change, message):
    _, model, cfg, _ = exported
    cfg = copy.deepcopy(cfg)
    pipeline = [dict(step) for step in cfg.test_dataloader.dataset.pipeline]
    at = next(i for i, s in enumerate(pipeline)
              if s['type'].endswith('Resize'))
    pipeline[at] = dict(pipeline[at], **change)
    cfg.test_dataloader.dataset.pipeline = pipeline
    with pytest.raises(ValueError, match=message):
        export_onnx(model, cfg, ('a', 'b', 'c'), tmp_path / 'x.onnx')
    assert not list(tmp_path.iterdir())


def test_what_a_deployed_detector_would_do_otherwise(exported, tmp_path):
    """Resizing twice, padding with grey, no rule for choosing boxes."""
    _, model, cfg, _ = exported

    def refused(message, cfg=cfg):
        with pytest.raises(ValueError, match=message):
            export_onnx(model, cfg, ('a', 'b', 'c'), tmp_path / 'x.onnx')

    twice = copy.deepcopy(cfg)
    steps = twice.test_dataloader.dataset.pipeline
    at = next(i for i, s in enumerate(steps) if s['type'].endswith('Resize'))
    twice.test_dataloader.dataset.pipeline = [*steps[:at + 1], *steps[at:]]
    refused('Resize is there twice', twice)
    view, head = model.data_preprocessor, model.bbox_head
    kept = view.pad_value, view.pad_size_divisor, head.test_cfg
    view.pad_value, view.pad_size_divisor = 114, 77
    refused('pad_value=114: a deployed detector pads with 0')
    view.pad_value, view.pad_size_divisor, head.test_cfg = *kept[:2], None
    refused('model.test_cfg: there is none')
    head.test_cfg = kept[2]
    assert not list(tmp_path.iterdir())


def test_a_test_set_of_several_datasets(exported):
    """They count as one where they prepare pictures in the same way."""
    _, model, cfg, path = exported
    several = copy.deepcopy(cfg)
    one = cfg.test_dataloader.dataset
    several.test_dataloader = dict(dataset=dict(
        type='ConcatDataset', datasets=[one, copy.deepcopy(one)]))
    recipe = make_recipe(model, several, ('one', 'two', 'three'))
    assert recipe['resized'] == OnnxDetector(path).recipe['resized']
    other = [
        dict(step, scale=(32, 32)) if 'scale' in step else step
        for step in one.pipeline
    ]
    several.test_dataloader.dataset.datasets[1].pipeline = other
    with pytest.raises(ValueError, match='different ways: .*32, 32'):
        make_recipe(model, several, ('one', 'two', 'three'))


def test_wrong_endings_and_classes(exported, tmp_path):
    _, model, cfg, _ = exported
    with pytest.raises(ValueError, match='must end in .onnx'):
        export_onnx(model, cfg, ('a', 'b', 'c'), tmp_path / 'x.pb')
    with pytest.raises(ValueError, match='1 names of classes, expected 3'):
        export_onnx(model, cfg, ('a', ), tmp_path / 'x.onnx')


def test_checkpoints_that_do_not_fit(exported, tmp_path):
    root, model, _, _ = exported
    config = str(root / 'config.py')
    state = model.state_dict()
    whole = (root / 'weights.pth').read_bytes()
    (tmp_path / 'cut.pth').write_bytes(whole[:len(whole) // 2])
    name = next(n for n in reversed(state) if n.startswith('bbox_head'))
    torch.save(dict(state_dict=dict(state, **{name: state[name][:-1]})),
               tmp_path / 'classes.pth')
    torch.save(dict(state_dict=state, meta=dict(x=object)),
               tmp_path / 'pickled.pth')
    for file in ('cut.pth', 'classes.pth', 'pickled.pth'):
        with pytest.raises(ValueError, match=file):
            read_detector(config, str(tmp_path / file))


def test_differences_of_detections():
    one = Detections(np.float32([[0, 0, 9, 9], [1, 1, 5, 5]]),
                     np.float32([.5, .5]), np.array([0, 1]))
    assert differences(one, one.chosen(np.array([1, 0]))) == 0
    assert differences(one, one.chosen(np.array([0]))) == 1
    assert differences(one, one._replace(boxes=one.boxes + 1)) == 4
    assert differences(one, one._replace(labels=np.array([0, 0]))) == 2
