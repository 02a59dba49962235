import json
import re

import pytest
import torch


@pytest.mark.slow
def test_a_distilled_student_without_its_teacher(tool, distilled):
    """Same score as in training; detections and pictures are written."""
    root, config = distilled
    teacher = root / 'teacher'
    teacher.rename(root / 'gone')
    try:
        done = tool('test.py', config, root / 'reference/epoch_3.pth',
                    '--work-dir', root / 'tested', '--out', root / 'found',
                    '--show-dir', 'pictures')
    finally:
        (root / 'gone').rename(teacher)
    scores = [
        re.findall(r'coco/bbox_mAP: (\S+)', text)[-1]
        for text in (done.stdout + done.stderr,
                     (root / 'reference.log').read_text())
    ]
    assert scores[0] == scores[1] != '0.0000'
    assert (done.stdout
            + done.stderr).count('keys of the distiller are not needed') == 1
    boxes = json.loads((root / 'found.bbox.json').read_text())
    assert {'image_id', 'bbox', 'score', 'category_id'} <= set(boxes[0])
    assert len(list((root / 'tested').glob('*/pictures/*.png'))) == 4


@pytest.mark.slow
def test_a_distilled_student_has_the_keys_and_size_of_a_plain_one(distilled):
    from mmdet.apis import init_detector
    root, _ = distilled
    path = root / 'reference/epoch_3.pth'
    model = init_detector(str(root / 'tiny.py'), str(path), device='cpu')
    saved = torch.load(path, weights_only=True)['state_dict']
    plain = {k: v for k, v in saved.items() if not k.startswith('distiller.')}
    assert plain.keys() == model.state_dict().keys() and len(plain) < len(
        saved)
    for key, value in model.state_dict().items():
        assert torch.equal(value, plain[key])
