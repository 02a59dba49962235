"""mmdet's SSD head with the detections of the original SSD."""
import torch
from mmcv.ops import nms
from mmdet.models.dense_heads import SSDHead
from mmdet.structures.bbox import scale_boxes
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor

from mmxkd.registry import MODELS

from .classwise_test_cfg import check_test_cfg


@MODELS.register_module()
class ClasswiseSSDHead(SSDHead):
    """An ``SSDHead`` that chooses its detections class by class.

    Of each class the ``top_k`` best scores above ``score_thr`` go through an
    NMS of their own. mmdet takes the best 1000 of each level, over all
    classes, and at most 200 detections of a picture in the end; a common
    class then crowds out a rare one. Layers and loss are mmdet's.

    Source: Liu et al., "SSD", ECCV 2016, section 3.2; the values are those
    of ``ssd.pytorch``.

    ``test_cfg`` holds:

    * ``score_thr`` (float): Scores have to exceed it.
    * ``top_k`` (int): Candidates of each class before the NMS.
    * ``nms``: ``dict(type='nms', iou_threshold=…)``; what overlaps a better
      detection of its class by more is dropped.
    * ``max_per_img`` (int): Detections of a picture; -1: all.

    Args:
        **kwargs: Of mmdet's ``SSDHead``.

    Raises:
        ConfigError: ``test_cfg`` has another key, or lacks one.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        if self.test_cfg is not None:
            check_test_cfg('ClasswiseSSDHead', self.test_cfg,
                           ('score_thr', 'top_k', 'nms', 'max_per_img'))

    def _predict_by_feat_single(self, cls_score_list: list[Tensor],
                                bbox_pred_list: list[Tensor],
                                score_factor_list: list,
                                mlvl_priors: list[Tensor], img_meta: dict,
                                cfg: ConfigDict | None, rescale: bool = False,
                                with_nms: bool = True) -> InstanceData:
        """Detections of one picture.

        Args:
            cls_score_list, bbox_pred_list (list[Tensor]): (A·C, H, W) logits
                and (A·4, H, W) deltas of each level.
            score_factor_list (list): Not used: there are none.
            mlvl_priors (list[Tensor]): (H·W·A, 4) pixels of the input.
            img_meta (dict): ``scale_factor``, for ``rescale``.
            cfg (ConfigDict, optional): In place of ``test_cfg``.
            rescale (bool): Whether to give pixels of the file.
            with_nms (bool): False gives the candidates.

        Returns:
            InstanceData: ``bboxes`` (D, 4) x1, y1, x2, y2, not clipped,
            ``scores`` (D, ), ``labels`` (D, ). The best comes first.
        """
        cfg = self.test_cfg if cfg is None else cfg
        logits, deltas = (torch.cat([
            level.permute(1, 2, 0).reshape(-1, channels) for level in levels
        ]) for levels, channels in ((cls_score_list, self.cls_out_channels),
                                    (bbox_pred_list, 4)))
        boxes = self.bbox_coder.decode(torch.cat(mlvl_priors), deltas,
                                       max_shape=img_meta['img_shape'])
        scores = logits.softmax(-1)[:, :-1]
        kept = [
            self._of_class(boxes, scores[:, label], label, cfg, with_nms)
            for label in range(self.num_classes)
        ]
        found = InstanceData.cat(kept)
        order = found.scores.argsort(descending=True, stable=True)
        found = found[order[:cfg['max_per_img']] if cfg['max_per_img'] >
                      0 else order]
        if rescale:
            found.bboxes = scale_boxes(
                found.bboxes, [1 / s for s in img_meta['scale_factor']])
        return found

    @staticmethod
    def _of_class(boxes: Tensor, scores: Tensor, label: int, cfg: ConfigDict,
                  with_nms: bool) -> InstanceData:
        chosen = (scores > cfg['score_thr']).nonzero().squeeze(1)
        best = scores[chosen].argsort(descending=True,
                                      stable=True)[:cfg['top_k']]
        chosen = chosen[best]
        if with_nms and len(chosen):
            _, kept = nms(boxes[chosen], scores[chosen],
                          cfg['nms']['iou_threshold'])
            chosen = chosen[kept]
        return InstanceData(bboxes=boxes[chosen], scores=scores[chosen],
                            labels=chosen.new_full((len(chosen), ), label))
