"""The head of EfficientDet, with mmdet's interfaces."""
import math
from collections.abc import Sequence
from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from mmdet.models.dense_heads import AnchorHead
from mmdet.structures.bbox import get_box_tensor
from mmengine.structures import InstanceData
from torch import Tensor, nn
from torch.nn import functional as F

from mmxkd.errors import ConfigError, check_known, check_number
from mmxkd.models.layers.same_padding import SeparableConv
from mmxkd.registry import MODELS

from .published_detections import PublishedDetections

# Without forced matches: a box that no anchor fits has no positive anchor.
_ASSIGNER = dict(type='mmdet.MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.4,
                 min_pos_iou=0.5, match_low_quality=False, ignore_iof_thr=-1)


@MODELS.register_module()
class EfficientDetHead(AnchorHead):
    """Separable convolutions shared by all levels, batch norms by none.

    Classes give logits, as all heads of mmdet do; boxes are written as
    (dy, dx, dh, dw).

    Each image's classification loss is divided by its own number of positive
    anchors (1, if there is none), and its box loss is a mean over them; then
    the images are averaged. mmdet's heads divide by the positives of the
    batch instead, which ``normalizer='batch'`` does here.

    Args:
        num_classes (int): Without the background.
        in_channels (int): Of all levels; 112 in D2.
        num_levels (int): How many levels there are.
        stacked_convs (int): Separable convolutions before the predictor.
        empty (str): What images without boxes teach.

            - ``'negative'``: that nothing is there.
            - ``'skip'``: nothing; they are not counted either.
            - ``'published'``: that nothing is there, unless all images of
              the batch on this device are empty: then nothing.
        normalizer (str): ``'image'`` or ``'batch'``.
        prior (float, optional): Probability that each class starts from.
            None: the bias starts from 0, as published; the first losses are
            then some hundred times as large.
        norm_cfg (dict): Of the batch norms.
        anchor_generator (dict): Of mmdet's ``AnchorHead``.
        bbox_coder (dict): Likewise.
        reg_decoded_bbox (bool): Likewise: whether boxes are compared, as
            IoU losses do, and not deltas.
        loss_cls (dict): Likewise; anything that takes the arguments of
            mmdet's ``FocalLoss``.
        loss_bbox (dict): Likewise; anything that takes those of mmdet's
            ``SmoothL1Loss``.
        train_cfg (dict, optional): Its ``assigner`` is mmdet's
            ``MaxIoUAssigner`` at 0.4 and 0.5 unless it is given.
        test_cfg (dict, optional): Of mmdet's ``AnchorHead``;
            ``best_class_only=True`` keeps for each anchor the class with the
            highest score, as published. ``as_published=True`` makes
            detections as the published code does, bugs and all, of the keys
            that :class:`.published_detections.PublishedDetections` reads.
        init_cfg (dict, optional): Of mmengine's ``BaseModule``.

    Raises:
        ConfigError: A word is unknown, or ``test_cfg`` has what
            ``as_published`` does not go with.

    Source: Tan et al. 2020, arXiv 1911.09070; the method's sheet, sections
    3.1 and 5.1.
    """

    def __init__(
            self,
            num_classes: int,
            in_channels: int = 112,
            num_levels: int = 5,
            stacked_convs: int = 3,
            empty: str = 'negative',
            normalizer: str = 'image',
            prior: float | None = 0.01,
            norm_cfg: dict[str, Any] = dict(  # noqa: B006
                type='BN', eps=1e-3, momentum=0.01),
            anchor_generator: dict[str, Any] = dict(  # noqa: B006
                type='mmxkd.EfficientDetAnchorGenerator'),
            bbox_coder: dict[str, Any] = dict(  # noqa: B006
                type='mmxkd.DeltaYXHWBBoxCoder'),
            reg_decoded_bbox: bool = False,
            loss_cls: dict[str, Any] = dict(  # noqa: B006
                type='mmxkd.ClampedFocalLoss', use_sigmoid=True),
            loss_bbox: dict[str, Any] = dict(  # noqa: B006
                type='mmdet.SmoothL1Loss', beta=1 / 9),
            train_cfg: dict[str, Any] | None = None,
            test_cfg: dict[str, Any] | None = None,
            init_cfg: dict[str, Any] | None = None) -> None:
        check_known('EfficientDetHead: empty', empty,
                    ('negative', 'skip', 'published'))
        check_known('EfficientDetHead: normalizer', normalizer,
                    ('image', 'batch'))
        if prior is not None:
            check_number('EfficientDetHead: prior', prior, above=0, below=1)
        PublishedDetections.of(test_cfg, num_classes)
        self.num_levels, self.stacked_convs = num_levels, stacked_convs
        self.empty, self.normalizer = empty, normalizer
        self.prior, self.norm_cfg = prior, norm_cfg
        train_cfg = dict(train_cfg or {})
        train_cfg.setdefault('assigner', _ASSIGNER)
        super().__init__(num_classes, in_channels, feat_channels=in_channels,
                         anchor_generator=anchor_generator,
                         bbox_coder=bbox_coder,
                         reg_decoded_bbox=reg_decoded_bbox, loss_cls=loss_cls,
                         loss_bbox=loss_bbox, train_cfg=train_cfg,
                         test_cfg=test_cfg, init_cfg=init_cfg)

    def _init_layers(self) -> None:
        anchors = self.num_base_priors
        bias = (0. if self.prior is None else -math.log(
            (1 - self.prior) / self.prior))
        self.cls_branch = self._branch(anchors * self.cls_out_channels, bias)
        self.reg_branch = self._branch(anchors * self.bbox_coder.encode_size,
                                       0.)

    def _branch(self, out_channels: int, bias: float) -> '_Branch':
        return _Branch(self.in_channels, out_channels, self.stacked_convs,
                       self.num_levels, self.norm_cfg, bias)

    def forward(self, x: Sequence[Tensor]) -> tuple[list[Tensor], ...]:
        """Predict at each level.

        Args:
            x (Sequence[Tensor]): (N, in_channels, H, W), fine to coarse.

        Returns:
            tuple[list[Tensor], list[Tensor]]: Logits (N, 9 · num_classes, H,
            W) and deltas (N, 9 · 4, H, W) of each level; the channel is
            anchor · num_classes + class, anchor · 4 + coordinate.
        """
        return ([self.cls_branch(f, i) for i, f in enumerate(x)],
                [self.reg_branch(f, i) for i, f in enumerate(x)])

    def loss_by_feat(
        self, cls_scores: list[Tensor], bbox_preds: list[Tensor],
        batch_gt_instances: list[InstanceData], batch_img_metas: list[dict],
        batch_gt_instances_ignore: list[InstanceData] | None = None
    ) -> dict[str, Tensor]:
        """Losses of a batch; arguments as of mmdet's ``AnchorHead``.

        Returns:
            dict[str, Tensor]: ``loss_cls`` and ``loss_bbox``, scalars.
        """
        logits = self._rows(cls_scores, self.cls_out_channels)
        deltas = self._rows(bbox_preds, self.bbox_coder.encode_size)
        anchors = torch.cat(
            self.prior_generator.grid_priors(
                [level.shape[-2:] for level in cls_scores],
                device=deltas.device))
        ignored = batch_gt_instances_ignore or [None] * len(logits)
        matches = torch.stack([
            self.assigner.assign(
                InstanceData(priors=anchors), _plain(gt),
                None if skip is None else _plain(skip)).gt_inds
            for gt, skip in zip(batch_gt_instances, ignored, strict=True)
        ])
        labels, targets = self._targets(matches, anchors, batch_gt_instances)
        filled = matches.new_tensor([len(gt) for gt in batch_gt_instances]) > 0
        counted = filled
        if self.empty == 'negative' or (self.empty == 'published'
                                        and filled.any()):
            counted = torch.ones_like(filled)
        weight = (matches >= 0) & counted[:, None]
        terms = self.loss_cls(logits.flatten(0, 1), labels.flatten(),
                              weight=weight.flatten().to(logits),
                              reduction_override='none')
        positive = matches > 0
        predicted = deltas[positive]
        if self.reg_decoded_bbox:
            predicted = self.bbox_coder.decode(
                anchors.expand_as(deltas)[positive], predicted)
        box_terms = self.loss_bbox(predicted, targets.to(predicted),
                                   reduction_override='none')
        image = positive.nonzero()[:, 0]
        box_sums = deltas.new_zeros(len(deltas)).index_add(
            0, image,
            box_terms.reshape(len(image), -1).mean(1) if len(image) else
            deltas[:0, 0, 0])
        # For a batch without positives: zero, with a graph for DDP.
        box_sums = box_sums + deltas[..., :0].sum()
        cls_sums = terms.reshape(len(logits), -1).sum(1)
        return self._averaged(cls_sums, box_sums, positive.sum(1), counted)

    def _averaged(self, cls_sums: Tensor, box_sums: Tensor, positives: Tensor,
                  counted: Tensor) -> dict[str, Tensor]:
        """Losses of a batch from sums of each image, (N, )."""
        if self.normalizer == 'batch':
            total = positives.sum().clamp(min=1)
            return dict(loss_cls=cls_sums.sum() / total,
                        loss_bbox=box_sums.sum() / total)
        own = positives.clamp(min=1)
        images = counted.sum().clamp(min=1)
        return dict(loss_cls=(cls_sums / own).sum() / images,
                    loss_bbox=(box_sums / own).sum() / images)

    def _targets(self, matches: Tensor, anchors: Tensor,
                 truth: Sequence[InstanceData]) -> tuple[Tensor, Tensor]:
        """Classes (N, A) and the deltas of all positives (P, 4)."""
        labels = torch.full_like(matches, self.num_classes)
        targets = [anchors[:0]]
        for row, match, gt in zip(labels, matches, truth, strict=True):
            positive = match > 0
            if not len(gt):
                continue
            index = match[positive] - 1
            row[positive] = gt.labels[index]
            boxes = get_box_tensor(gt.bboxes)[index]
            targets.append(boxes if self.reg_decoded_bbox else self.bbox_coder.
                           encode(anchors[positive], boxes))
        return labels, torch.cat(targets)

    @staticmethod
    def _rows(levels: list[Tensor], width: int) -> Tensor:
        """(N, A, width) of all levels, in the order of the anchors."""
        rows = torch.cat([
            level.permute(0, 2, 3, 1).reshape(len(level), -1, width)
            for level in levels
        ], dim=1)
        # Sums over 100 000 anchors do not fit into half precision.
        return rows if rows.dtype == torch.float64 else rows.float()

    def predict_by_feat(self, cls_scores: list[Tensor],
                        bbox_preds: list[Tensor], score_factors: None = None,
                        batch_img_metas: Sequence[dict] = (), cfg: Any = None,
                        rescale: bool = False,
                        with_nms: bool = True) -> list[InstanceData]:
        """Detections; arguments as of mmdet's ``AnchorHead``."""
        used = self.test_cfg if cfg is None else cfg
        published = PublishedDetections.of(used, self.num_classes)
        if published is None:
            if used and used.get('best_class_only', False):
                cls_scores = [self._best_class(level) for level in cls_scores]
            return super().predict_by_feat(cls_scores, bbox_preds,
                                           score_factors, batch_img_metas, cfg,
                                           rescale, with_nms)
        if not with_nms:
            raise ConfigError('test_cfg: as_published=True suppresses boxes '
                              'in any case; with_nms=False asks for others')
        scores = self._rows(cls_scores, self.cls_out_channels).sigmoid()
        deltas = self._rows(bbox_preds, self.bbox_coder.encode_size)
        anchors = torch.cat(
            self.prior_generator.grid_priors(
                [level.shape[-2:] for level in cls_scores],
                device=deltas.device))
        return [
            published(s, d, anchors, self.bbox_coder, meta, rescale)
            for s, d, meta in zip(scores.detach(), deltas.detach(),
                                  batch_img_metas, strict=True)
        ]

    def _best_class(self, logits: Tensor) -> Tensor:
        """Give all classes but the best of each anchor a score of 0."""
        grouped = logits.unflatten(1, (-1, self.cls_out_channels))
        # One of two equals, as argmax does.
        best = F.one_hot(grouped.argmax(2), self.cls_out_channels)
        best = best.movedim(-1, 2).bool()
        return grouped.masked_fill(~best, -math.inf).flatten(1, 2)


class _Branch(nn.Module):
    """Convolutions of one task, and its batch norms of each level."""

    def __init__(self, channels: int, out_channels: int, depth: int,
                 num_levels: int, norm_cfg: dict[str, Any],
                 bias: float) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            SeparableConv(channels, channels) for _ in range(depth))
        self.norms = nn.ModuleList(
            nn.ModuleList(
                build_norm_layer(norm_cfg, channels)[1] for _ in range(depth))
            for _ in range(num_levels))
        self.predictor = SeparableConv(channels, out_channels, bias=bias)

    def forward(self, x: Tensor, level: int) -> Tensor:
        """(N, channels, H, W) to (N, out_channels, H, W)."""
        norms: Any = self.norms[level]
        for conv, norm in zip(self.convs, norms, strict=True):
            x = F.silu(norm(conv(x)), inplace=True)
        return self.predictor(x)


def _plain(instances: InstanceData) -> InstanceData:
    """With boxes as tensors: the assigner compares them to tensors."""
    plain = InstanceData(bboxes=get_box_tensor(instances.bboxes))
    if 'labels' in instances:
        plain.labels = instances.labels
    return plain
