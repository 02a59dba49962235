"""Small detectors of both families with a data set, for export and pruning.

The shipped tiny configs on pictures of coloured boxes. Weights are random,
but of sizes that give detections of many scores.
"""
import json
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmxkd.registry import MODELS

FAMILIES = dict(shuffledet='fine_grained/shuffledet_x05_kitti_tiny',
                ssdlite='ssd_kd/mb2-ssdlite_voc_tiny')
CLASSES = ('one', 'two', 'three')

_CONFIG = '''
_base_ = {base!r}
data_root = {root!r}
metainfo = dict(classes={classes!r})
test_pipeline = [
    step for step in _base_.test_dataloader.dataset.pipeline
    if not step.type.startswith('Load') or 'Image' in step.type]
data = dict(
    _delete_=True, type='CocoDataset', data_root=data_root,
    ann_file='data.json', data_prefix=dict(img=''), metainfo=metainfo)
train_dataloader = dict(batch_size=4, dataset=dict(
    **data, pipeline=_base_.train_dataloader.dataset.pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(
    **data, test_mode=True, pipeline=test_pipeline))
val_evaluator = test_evaluator = dict(
    _delete_=True, type='CocoMetric', ann_file=data_root + '/data.json')
default_hooks = dict(checkpoint=dict(save_best='coco/bbox_mAP'))
load_from = None
'''


def write_pictures(root: Path, number: int = 20) -> None:
    """Pictures of different sizes, with COCO labels in ``data.json``."""
    root.mkdir(parents=True)
    draw = np.random.default_rng(0)
    images, annotations = [], []
    for i in range(number):
        height, width = (int(n) for n in draw.integers(90, 160, 2))
        picture = draw.integers(0, 90, (height, width, 3), np.uint8)
        for label in range(3):
            x, y = (int(n) for n in draw.integers(2, 50, 2))
            w, h = (int(n) for n in draw.integers(16, 38, 2))
            picture[y:y + h, x:x + w] = draw.integers(60, 255, 3)
            picture[y:y + h, x:x + w, label] = 255
            annotations.append(
                dict(id=len(annotations) + 1, image_id=i, iscrowd=0,
                     category_id=label + 1, bbox=[x, y, w, h], area=w * h))
        name = f'{i}.png'
        cv2.imwrite(str(root / name), picture)
        images.append(dict(id=i, file_name=name, width=width, height=height))
    (root / 'data.json').write_text(
        json.dumps(
            dict(
                images=images, annotations=annotations, categories=[
                    dict(id=k, name=name)
                    for k, name in enumerate(CLASSES, start=1)
                ])))


def write_case(root: Path, repo: Path, family: str, number: int = 20,
               more: str = '') -> tuple[Path, Path]:
    """Config and checkpoint of one family.

    Args:
        root (Path): A folder to make.
        repo (Path): The checkout.
        family (str): One of :data:`FAMILIES`.
        number (int): Pictures.
        more (str): Lines at the end of the config.
    """
    write_pictures(root / 'data', number)
    config = root / 'config.py'
    base = str(repo / f'configs/{FAMILIES[family]}.py')
    config.write_text(
        _CONFIG.format(base=base, root=str(root / 'data'), classes=CLASSES)
        + more)
    checkpoint = root / 'weights.pth'
    model = random_model(Config.fromfile(config).model)
    torch.save(
        dict(state_dict=model.state_dict(),
             meta=dict(dataset_meta=dict(classes=CLASSES))), checkpoint)
    return config, checkpoint


def random_model(cfg: dict, seed: int = 0) -> torch.nn.Module:
    """A detector in eval mode whose scores spread."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(cfg)
    torch.manual_seed(seed)
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, .5, 1.)
            torch.nn.init.normal_(module.running_mean, 0, .1)
            torch.nn.init.uniform_(module.running_var, .5, 1.5)
    model.eval()
    hooks = [
        layer.register_forward_hook(_to_unit_size)
        for layer in model.bbox_head.modules()
        if isinstance(layer, torch.nn.Conv2d) and layer.groups == 1
    ]
    # As strong as pictures behind this preprocessor.
    noise = 64 / model.data_preprocessor.std * torch.randn(1, 3, 128, 128)
    with torch.no_grad():
        model.bbox_head(model.extract_feat(noise))
    for hook in hooks:
        hook.remove()
    return model


def _to_unit_size(layer, inputs, output) -> None:
    """Outputs of a trained head are of such sizes, and do not saturate."""
    if output[0].numel() > 1:
        layer.weight.data /= output.std()
