"""The head of SqueezeDet and ShuffleDet: one convolution."""
from collections.abc import Sequence

import torch
from mmcv.ops import nms
from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
from mmdet.models.utils import multi_apply
from mmdet.structures.bbox import get_box_tensor
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmxkd.errors import ConfigError, check_keys
from mmxkd.registry import MODELS, TASK_UTILS

from .classwise_test_cfg import check_test_cfg
from .convdet_loss import (
    ConvDetWeights,
    aligned_iou,
    class_loss,
    confidence_loss,
    offset_loss,
)

Maps = Sequence[Tensor]


@MODELS.register_module()
class ConvDetHead(BaseDenseHead):
    """A 3×3 convolution that gives classes, confidence and boxes.

    Its channels are three blocks: A·C class logits, A confidences and A·4
    offsets, for A anchors and C classes. The class is a softmax over C, with
    no background; the score is its largest probability times the sigmoid of
    the confidence, which learns the IoU of the predicted box.

    Source: Wu et al., SqueezeDet, CVPR workshops 2017, as changed in the
    code of Wang et al., CVPR 2019.

    Args:
        num_classes (int): C.
        in_channels (int): Channels of the feature map.
        anchor_generator, bbox_coder (dict): Task utils.
        dropout (float): Share of the feature's elements that are set to 0 in
            training, 0 to 1.
        loss_weights (dict, optional): Those of :class:`ConvDetWeights` that
            differ from the published ones.
        train_cfg (dict, optional): ``assigner``.
        test_cfg (dict, optional): ``nms_pre`` best boxes of an image are
            kept, then ``max_per_class`` of each class after ``nms``;
            ``score_thr`` (default 0) drops low scores before.
        init_cfg (dict, optional): Default: a normal distribution of
            deviation 1e-4, cut off at two of them, and biases of 0.

    Raises:
        ConfigError: Levels of the anchors differ in number, or ``dropout``,
            ``loss_weights`` or ``test_cfg`` cannot be used.
    """

    def __init__(self, num_classes: int, in_channels: int,
                 anchor_generator: dict | None = None,
                 bbox_coder: dict | None = None, dropout: float = 0.5,
                 loss_weights: dict | None = None,
                 train_cfg: dict | None = None, test_cfg: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg or dict(type='TruncNormal', layer='Conv2d',
                                          std=1e-4, a=-2e-4, b=2e-4))
        if not 0 <= dropout < 1:
            raise ConfigError(f'ConvDetHead: dropout={dropout}, expected a '
                              'number from 0 to below 1')
        check_keys('ConvDetHead: loss_weights', loss_weights or {},
                   ConvDetWeights._fields)
        if test_cfg is not None:
            check_test_cfg('ConvDetHead', test_cfg,
                           ('nms_pre', 'max_per_class', 'nms'),
                           ('score_thr', ))
        self.num_classes, self.in_channels = num_classes, in_channels
        self.prior_generator = TASK_UTILS.build(
            anchor_generator or dict(type='mmxkd.SqueezeDetAnchorGenerator'))
        self.bbox_coder = TASK_UTILS.build(
            bbox_coder or dict(type='mmxkd.SqueezeDetBBoxCoder'))
        if len(set(self.prior_generator.num_base_priors)) != 1:
            raise ConfigError(
                'ConvDetHead: anchor_generator has '
                f'{self.prior_generator.num_base_priors} anchors per cell, '
                'expected the same number in all levels')
        self.num_base_priors = self.prior_generator.num_base_priors[0]
        self.weights = ConvDetWeights(**(loss_weights or {}))
        self.train_cfg, self.test_cfg = train_cfg, test_cfg
        if train_cfg:
            self.assigner = TASK_UTILS.build(train_cfg['assigner'])
        self.dropout = nn.Dropout(dropout)
        self.conv_det = nn.Conv2d(in_channels,
                                  self.num_base_priors * (num_classes + 5), 3,
                                  padding=1)

    def forward(self, x: Maps) -> tuple[list[Tensor], ...]:
        """The three blocks of each level.

        Args:
            x (tuple[Tensor]): (N, C_in, H, W) of each level.

        Returns:
            tuple[list[Tensor]]: Class logits (N, A·C, H, W), confidence
            logits (N, A, H, W) and offsets (N, A·4, H, W) of each level.
        """
        return multi_apply(self.forward_single, x)

    def forward_single(self, x: Tensor) -> tuple[Tensor, ...]:
        """The three blocks of one level."""
        a = self.num_base_priors
        return self.conv_det(self.dropout(x)).split(
            [a * self.num_classes, a, a * 4], 1)

    def loss_by_feat(
        self, cls_scores: Maps, confidences: Maps, bbox_preds: Maps,
        batch_gt_instances: list[InstanceData], batch_img_metas: list[dict],
        batch_gt_instances_ignore: list[InstanceData] | None = None
    ) -> dict[str, Tensor]:
        """The three terms of the loss.

        Args:
            cls_scores, confidences, bbox_preds (list[Tensor]): As
                :meth:`forward` gives them.
            batch_gt_instances (list[InstanceData]): Objects of each image;
                there may be none.
            batch_img_metas (list[dict]): ``img_shape``.
            batch_gt_instances_ignore: Not looked at: what is ignored
                elsewhere is background here, as published.

        Returns:
            dict[str, Tensor]: ``loss_cls``, ``loss_conf``, ``loss_bbox``.
        """
        logits, confidence, deltas, priors = self._flat(
            cls_scores, confidences, bbox_preds)
        has_object = torch.zeros_like(confidence, dtype=torch.bool)
        targets = torch.zeros_like(confidence)
        labels, offsets, given = [], [], []
        for i, objects in enumerate(batch_gt_instances):
            owner = self.assigner.assign(InstanceData(priors=priors),
                                         objects).gt_inds
            chosen = owner.nonzero()[:, 0]
            index = owner[chosen] - 1
            boxes = get_box_tensor(objects.bboxes)[index].to(priors)
            found = get_box_tensor(
                self.bbox_coder.decode(priors[chosen], deltas[i,
                                                              chosen].detach(),
                                       batch_img_metas[i]['img_shape']))
            has_object[i, chosen] = True
            targets[i, chosen] = aligned_iou(found, boxes)
            labels.append(objects.labels[index])
            offsets.append(self.bbox_coder.encode(priors[chosen], boxes))
            given.append((logits[i, chosen], deltas[i, chosen]))
        own_logits, own_deltas = (torch.cat(parts)
                                  for parts in zip(*given, strict=True))
        weights = self.weights
        return dict(
            loss_cls=weights.cls * class_loss(own_logits, torch.cat(labels)),
            loss_conf=confidence_loss(confidence, targets, has_object,
                                      weights), loss_bbox=weights.bbox
            * offset_loss(own_deltas, torch.cat(offsets)))

    def predict_by_feat(self, cls_scores: Maps, confidences: Maps,
                        bbox_preds: Maps, batch_img_metas: list[dict],
                        cfg: ConfigDict | None = None, rescale: bool = False,
                        with_nms: bool = True) -> list[InstanceData]:
        """Detections of each image, class by class, best scores first.

        Args:
            cls_scores, confidences, bbox_preds (list[Tensor]): As
                :meth:`forward` gives them.
            batch_img_metas (list[dict]): ``img_shape``, and
                ``scale_factor`` (x, y) with ``rescale``.
            cfg (dict, optional): In place of ``test_cfg``.
            rescale (bool): Boxes in pixels of the image before resizing.
            with_nms (bool): False: all ``nms_pre`` boxes.

        Returns:
            list[InstanceData]: ``bboxes``, ``scores`` and ``labels``; x2 and
            y2 are past the last pixel.
        """
        cfg = cfg or self.test_cfg
        logits, confidence, deltas, priors = self._flat(
            cls_scores, confidences, bbox_preds)
        best, labels = logits.softmax(2).max(2)
        scores = best * confidence.sigmoid()
        return [
            self._detections(scores[i], labels[i], deltas[i], priors, meta,
                             cfg, rescale, with_nms)
            for i, meta in enumerate(batch_img_metas)
        ]

    def _detections(self, scores: Tensor, labels: Tensor, deltas: Tensor,
                    priors: Tensor, meta: dict, cfg: ConfigDict, rescale: bool,
                    with_nms: bool) -> InstanceData:
        order = scores.sort(descending=True, stable=True)[1]
        order = order[:cfg['nms_pre']]
        # 0, the published value, also keeps scores that underflowed to 0.
        threshold = cfg.get('score_thr', 0)
        if threshold > 0:
            order = order[scores[order] > threshold]
        boxes = get_box_tensor(
            self.bbox_coder.decode(priors[order], deltas[order],
                                   meta['img_shape']))
        if rescale:
            boxes = boxes / boxes.new_tensor(meta['scale_factor']).repeat(2)
        found = InstanceData(bboxes=boxes, scores=scores[order],
                             labels=labels[order])
        if not with_nms:
            return found
        kept = []
        for label in range(self.num_classes):
            # One class at a time: mmcv shifts classes apart to do it at once,
            # which rounds the boxes.
            own = (found.labels == label).nonzero()[:, 0]
            if len(own):
                kept.append(own[nms(
                    found.bboxes[own], found.scores[own],
                    cfg['nms']['iou_threshold'])[1][:cfg['max_per_class']]])
        return found[torch.cat(kept) if kept else order[:0]]

    def _flat(self, cls_scores: Maps, confidences: Maps,
              bbox_preds: Maps) -> tuple[Tensor, ...]:
        """Of all levels, in float32.

        Returns:
            tuple: (N, P, C), (N, P), (N, P, 4) and the (P, 4) anchors.
        """
        n = len(cls_scores[0])
        flat = [
            torch.cat([
                level.permute(0, 2, 3, 1).reshape(n, -1, last)
                for level in levels
            ], 1).float()
            for levels, last in ((cls_scores, self.num_classes),
                                 (confidences, 1), (bbox_preds, 4))
        ]
        sizes = [tuple(level.shape[-2:]) for level in cls_scores]
        priors = self.prior_generator.grid_priors(sizes, device=flat[0].device)
        return (flat[0], flat[1][..., 0], flat[2],
                torch.cat([get_box_tensor(p) for p in priors]))
