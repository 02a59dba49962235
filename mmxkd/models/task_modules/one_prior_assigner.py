"""One anchor for each object."""
import torch
from mmdet.models.task_modules import AssignResult, BaseAssigner
from mmdet.structures.bbox import get_box_tensor
from mmengine.structures import InstanceData
from torch import Tensor

from mmxkd.registry import TASK_UTILS


@TASK_UTILS.register_module()
class OnePriorAssigner(BaseAssigner):
    """Each object gets the best anchor that is still free.

    Objects choose in their order. One that overlaps no free anchor gets the
    nearest one: the least squared distance of centre, width and height. All
    other anchors are background, also where they overlap ignored regions.
    Of equally good anchors the last one is taken.

    Source: Wu et al., SqueezeDet, CVPR workshops 2017.

    Args:
        iou_calculator (dict): Of the overlap.
    """

    def __init__(self, iou_calculator: dict | None = None) -> None:
        self.iou_calculator = TASK_UTILS.build(
            iou_calculator or dict(type='mmdet.BboxOverlaps2D'))

    @torch.no_grad()
    def assign(self, pred_instances: InstanceData, gt_instances: InstanceData,
               gt_instances_ignore: InstanceData | None = None,
               **kwargs) -> AssignResult:
        """Assign objects to anchors.

        Args:
            pred_instances (InstanceData): ``priors``: (P, 4) x1, y1, x2, y2.
            gt_instances (InstanceData): ``bboxes`` (G, 4) and ``labels``.
            gt_instances_ignore: Not looked at.
            **kwargs: As in mmdet; not used.

        Returns:
            AssignResult: ``gt_inds`` (P, ): 0 is background, i + 1 object i.

        Raises:
            ValueError: There are more objects than anchors.
        """
        priors = get_box_tensor(pred_instances.priors)
        boxes = get_box_tensor(gt_instances.bboxes).to(priors)
        labels = gt_instances.labels
        count = len(boxes)
        if count > len(priors):
            raise ValueError(f'OnePriorAssigner: {count} objects, but only '
                             f'{len(priors)} anchors')
        owner = torch.zeros(len(priors), dtype=torch.long,
                            device=priors.device)
        overlaps = self.iou_calculator(boxes, priors)
        most = (overlaps.amax(0) if count else priors.new_zeros(len(priors)))
        for i, iou in enumerate(overlaps):
            free = owner == 0
            iou = torch.where(free, iou, -1)
            # From the end: argmax gives the first of equal ones.
            chosen = len(iou) - 1 - iou.flip(0).argmax()
            if iou[chosen] <= 0:
                distance = (_centre_form(priors)
                            - _centre_form(boxes[i])).square().sum(1)
                chosen = torch.where(free, distance, torch.inf).argmin()
            owner[chosen] = i + 1
        assigned = owner.new_full((len(priors), ), -1)
        assigned[owner > 0] = labels[owner[owner > 0] - 1]
        return AssignResult(count, owner, most, labels=assigned)


def _centre_form(boxes: Tensor) -> Tensor:
    low, high = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(low + high) / 2, high - low], -1)
