"""Which priors an object is assigned to, as in published SSDs."""
import torch
from mmdet.models.task_modules import AssignResult, MaxIoUAssigner
from mmdet.structures.bbox import get_box_tensor
from mmengine.structures import InstanceData
from torch import Tensor

from mmxkd.errors import ConfigError
from mmxkd.registry import TASK_UTILS

from .clamped_ssd_anchor_generator import ClampedSSDAnchorGenerator


@TASK_UTILS.register_module()
class SSDAssigner(MaxIoUAssigner):
    """mmdet's ``MaxIoUAssigner`` on parts of the picture, not pixels.

    An object that lies inside of several priors overlaps all that have one
    area equally, and a small object nearly always does. Rounding decides then
    which of them is its best one, and has to learn it. On the numbers of
    published code, the decision is that of published code.

    Args:
        anchor_generator (dict): Of a :class:`ClampedSSDAnchorGenerator`, the
            one of the head.
        **kwargs: Of mmdet's ``MaxIoUAssigner``.
    """

    def __init__(self, anchor_generator: dict, **kwargs) -> None:
        super().__init__(**kwargs)
        generator = TASK_UTILS.build(anchor_generator)
        if not isinstance(generator, ClampedSSDAnchorGenerator):
            raise ConfigError('SSDAssigner: anchor_generator is a '
                              f'{type(generator).__name__}, expected a '
                              'mmxkd.ClampedSSDAnchorGenerator')
        self.side = side = generator.input_size
        self.units = torch.cat([
            generator.unit_priors(tuple(-(-side // s) for s in stride[::-1]),
                                  level)
            for level, stride in enumerate(generator.strides)
        ])

    def assign(self, pred_instances: InstanceData, gt_instances: InstanceData,
               gt_instances_ignore: InstanceData | None = None,
               **kwargs) -> AssignResult:
        """As mmdet's; all boxes in pixels of the input.

        Priors of an input of another size, such as that of a dry run, are
        not known to the last bit: they are divided by the side.
        """
        priors = get_box_tensor(pred_instances.priors)
        units = self.units.to(priors)
        if priors.shape != units.shape or not torch.allclose(
                priors, units * self.side, atol=1e-2):
            units = priors / self.side
        return super().assign(
            InstanceData(priors=units), self._in_units(gt_instances),
            None if gt_instances_ignore is None else
            self._in_units(gt_instances_ignore), **kwargs)

    def _in_units(self, instances: InstanceData) -> InstanceData:
        boxes: Tensor = get_box_tensor(instances.bboxes)
        found = InstanceData(bboxes=boxes / self.side)
        if 'labels' in instances:
            found.labels = instances.labels
        return found
