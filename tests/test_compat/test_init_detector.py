"""mmdet's ``init_detector`` takes the config of a distillation."""
import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer, inference_detector, init_detector
from mmengine.config import Config

from tests.helpers.tiny_pair import train, write_pair


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    root = tmp_path_factory.mktemp('init')
    train(write_pair(root), root / 'run')
    for path in root.glob('*.pth'):
        path.unlink()  # No teacher is read.
    return root


@pytest.mark.parametrize('given', [str, Config.fromfile, lambda path: path])
def test_it_is_the_student(trained, given):
    file = str(trained / 'run/epoch_1.pth')
    plain = init_detector(str(trained / 'student.py'), file, device='cpu')
    model = init_detector(given(trained / 'distilled.py'), file, device='cpu')
    assert type(model) is type(plain)
    for name, value in plain.state_dict().items():
        assert torch.equal(model.state_dict()[name], value)
    picture = np.zeros((64, 64, 3), np.uint8)
    ours, theirs = (inference_detector(m, picture).pred_instances
                    for m in (model, plain))
    assert torch.equal(ours.bboxes, theirs.bboxes)
    assert model.dataset_meta == plain.dataset_meta


def test_options_have_the_keys_of_the_distillation(trained):
    cfg = Config.fromfile(trained / 'distilled.py')
    before = cfg.pretty_text
    model = init_detector(
        cfg, device='cpu',
        cfg_options={'model.student.test_cfg.max_per_img': 3})
    assert model.test_cfg.max_per_img == 3
    assert cfg.pretty_text == before


def test_det_inferencer(trained):
    inferencer = DetInferencer(str(trained / 'distilled.py'),
                               str(trained / 'run/epoch_1.pth'), device='cpu',
                               show_progress=False)
    found = inferencer(np.zeros((64, 64, 3), np.uint8))
    assert len(found['predictions']) == 1
