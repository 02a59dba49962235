"""What the checks of values and files add to a run.

RetinaNet with a ResNet-50 and Adam, 2 pictures of 512×512 with 10 boxes each:

* step: the checks of losses and gradients (``FiniteGuardHook``) against a
  training step of mmengine without them. Bar: ≤ 1 %.
* save: the check of weights and optimizer against writing the checkpoint.
* load: the check sums (``mmxkd.compat.zip_records``) against ``torch.load``;
  once per run.

All run in one process, interleaved; CPU time of one thread; median of the
ratios round by round, and their quartiles.

Usage: ``python benchmarks/finite_guard.py [--rounds 7] [--size 512]``
"""
import tempfile
from pathlib import Path
from typing import Any

import torch
from interleaved import interleave, print_added, ratio
from mmdet.structures import DetDataSample
from mmengine.hub import get_config
from mmengine.structures import InstanceData

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.compat.non_finite import non_finite
from mmxkd.compat.zip_records import fault_of_archive
from mmxkd.engine.finite import check_finite, check_gradients, sample_id
from mmxkd.engine.model_config import build_model


def batch(size: int) -> dict:
    """Two random pictures with ten boxes each."""
    torch.manual_seed(0)
    samples = []
    for index in range(2):
        corner = torch.rand(10, 2) * size * 0.6
        sample = DetDataSample(
            metainfo=dict(img_id=index, img_path=f'{index}.png', img_shape=(
                size, size), pad_shape=(size, size)))
        sample.gt_instances = InstanceData(
            bboxes=torch.cat([corner, corner + size * 0.3], 1),
            labels=torch.randint(80, (10, )))
        samples.append(sample)
    return dict(inputs=torch.randn(2, 3, size, size), data_samples=samples)


def measure(size: int, rounds: int) -> dict[str, tuple[float, float, float]]:
    """Median and quartiles of each ratio."""
    cfg = get_config('mmdet::retinanet/retinanet_r50_fpn_1x_coco.py').model
    cfg.backbone.init_cfg = None
    model: Any = build_model(cfg, 'mmdet').train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)
    data = batch(size)

    def step() -> dict:
        optimizer.zero_grad()
        losses = model(**data, mode='loss')
        model.parse_losses(losses)[0].backward()
        optimizer.step()
        return losses

    losses = step()

    def guard() -> None:
        samples = data['data_samples']
        check_finite(losses, samples, 0)
        check_gradients(model.parameters(), model,
                        [sample_id(s) for s in samples], 0)

    content = dict(state_dict=model.state_dict(),
                   optimizer=optimizer.state_dict())
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, 'epoch_1.pth'))
        seconds = interleave(
            {
                'step': step, 'guard of a step': guard,
                'save': lambda: torch.save(content, path),
                'guard of a save': lambda: non_finite(content)
            }, rounds)
        seconds.update(
            interleave(
                {
                    'load': lambda: torch.load(path, weights_only=True),
                    'guard of a load': lambda: fault_of_archive(path)
                }, rounds))
    return {
        name: ratio(seconds, f'guard of a {name}', name)
        for name in ('step', 'save', 'load')
    }


if __name__ == '__main__':
    print_added(__doc__, measure, digits=2)
