"""The head of DID-M3D and GUPNet: dense 2-D boxes, then regions in 3-D."""
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from mmdet3d.models.dense_heads import base_mono3d_dense_head
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmxkd.errors import ConfigError, check_keys, check_known, check_number
from mmxkd.losses.common.precision import in_full_precision
from mmxkd.registry import MODELS, TASK_UTILS

from .camera_of import cameras_of, check_stride
from .coder import MonoCoder, instances_of
from .geometry import HEADING_BINS, PROJECTIONS, Cameras
from .laplacian import mean_or_zero
from .mean_sizes import size_table
from .roi_branch import Cells
from .targets import MonoTargets

DEPTH_HEADS = dict(did='mmxkd.DidDepthHead', gup='mmxkd.GupDepthHead')
#: The losses, in the order of hierarchical task learning.
TERMS = ('seg', 'offset2d', 'size2d', 'depth', 'offset3d', 'size3d', 'heading')
# A sigmoid that is never 0 or 1, whose logarithm is finite.
_LEAST = 1e-4


def dense_head(in_channels: int, channels: int, outputs: int) -> nn.Sequential:
    """A value per cell."""
    return nn.Sequential(nn.Conv2d(in_channels, channels, 3, padding=1),
                         nn.ReLU(inplace=True),
                         nn.Conv2d(channels, outputs, 1))


@MODELS.register_module()
class MonoRoIHead(base_mono3d_dense_head.BaseMono3DDenseHead):
    """Finds objects in a heatmap, and their 3-D boxes in their regions.

    Its losses are ``loss_<term>`` for each of :data:`TERMS`, and the value
    before any weight is logged as ``raw_<term>``. :attr:`task_weights` scales
    them; ``HTLHook`` changes it between epochs.

    Args:
        num_classes (int): K.
        in_channels (int): Of the finest map of the neck.
        feat_channels (int): Of each head.
        depth (str | dict): ``'did'`` (DID-M3D), ``'gup'`` (GUPNet), or a dict
            that builds a depth head.
        mean_sizes (Sequence): K rows h, w, l in metres, in the order of the
            data set's classes; default: of Pedestrian, Cyclist, Car, which is
            mmdet3d's order. The originals have Pedestrian, Car, Cyclist.
        stride (int): Pixels of the network's input per cell.
        roi_size (int): Cells of a region.
        detach_boxes (bool): See :class:`.MonoRoIBranch`.
        projection (str): ``'exact'`` or ``'by_z'``; see :mod:`.geometry`.
        loss_seg (dict, optional): Default: the focal loss of CornerNet.
        encoder (dict, optional): Of :class:`.MonoTargetEncoder`.
        start_extent (Sequence, optional): Width and height of the 2-D boxes
            of the untrained network, in cells. Default: none, as in the
            originals. From there, a short training lasts long until boxes
            differ from their mean, and regions in 3-D wait for them.
        train_cfg (dict, optional): Nothing of it is read.
        test_cfg (dict, optional): Arguments of :class:`.MonoCoder`.

    Raises:
        ConfigError: A name or a key is unknown, a number is below 1, the mean
            sizes are not K rows of numbers above 0, or ``start_extent`` is
            not two of them.
    """

    def __init__(self, num_classes: int = 3, in_channels: int = 64,
                 feat_channels: int = 256, depth: str | dict = 'did',
                 mean_sizes: Sequence[Sequence[float]] | None = None,
                 stride: int = 4, roi_size: int = 7,
                 detach_boxes: bool = False, projection: str = 'exact',
                 loss_seg: dict | None = None, encoder: dict | None = None,
                 start_extent: Sequence[float] | None = None,
                 train_cfg: dict | None = None, test_cfg: dict | None = None,
                 init_cfg: Any = None) -> None:
        super().__init__(init_cfg)
        for name, value in (('num_classes', num_classes),
                            ('in_channels', in_channels), ('feat_channels',
                                                           feat_channels),
                            ('stride', stride), ('roi_size', roi_size)):
            check_number(f'MonoRoIHead: {name}', value, above=0, whole=True)
        check_known('MonoRoIHead: projection', projection, PROJECTIONS)
        check_keys('model.test_cfg', test_cfg or {}, ('topk', 'score_thr'))
        check_keys('bbox_head.encoder', encoder or {},
                   ('type', 'gate', 'fill_holes', 'min_overlap'))
        if isinstance(depth, str):
            check_known('MonoRoIHead: depth', depth, DEPTH_HEADS)
            depth = dict(type=DEPTH_HEADS[depth])
        self.num_classes, self.stride = num_classes, stride
        self.projection, self.start_extent = projection, start_extent
        if start_extent is not None and (len(start_extent) != 2
                                         or not min(start_extent) > 0):
            raise ConfigError('MonoRoIHead: start_extent: expected width and '
                              f'height above 0 in cells, got {start_extent}')
        sizes = size_table(mean_sizes, num_classes)
        self.heatmap = dense_head(in_channels, feat_channels, num_classes)
        self.offset_2d = dense_head(in_channels, feat_channels, 2)
        self.size_2d = dense_head(in_channels, feat_channels, 2)
        self.roi_branch: Any = MODELS.build(
            dict(type='mmxkd.MonoRoIBranch', in_channels=in_channels,
                 feat_channels=feat_channels, num_classes=num_classes,
                 depth=dict(depth, stride=stride), mean_sizes=sizes,
                 roi_size=roi_size, detach_boxes=detach_boxes))
        self.loss_seg = MODELS.build(
            loss_seg or dict(type='mmdet.GaussianFocalLoss', alpha=2.,
                             gamma=4., reduction='sum'))
        self.encoder = TASK_UTILS.build(
            dict(dict(type='mmxkd.MonoTargetEncoder'), num_classes=num_classes,
                 stride=stride, roi_size=roi_size, **(encoder or {})))
        self.coder = MonoCoder(**(test_cfg or {}))
        self.task_weights = dict.fromkeys(TERMS, 1.0)

    def init_weights(self) -> None:
        """The originals' start: rare centres, and boxes of no extent; or
        boxes of ``start_extent``, over a hidden layer as PyTorch starts it."""
        super().init_weights()
        nn.init.constant_(self.heatmap[-1].get_parameter('bias'), -2.19)
        for head in (self.offset_2d, self.size_2d):
            for layer in head:
                if isinstance(layer, nn.Conv2d):
                    nn.init.normal_(layer.get_parameter('weight'), std=0.001)
                    nn.init.zeros_(layer.get_parameter('bias'))
        if self.start_extent is not None:
            hidden, output = self.size_2d[0], self.size_2d[-1]
            assert isinstance(hidden, nn.Conv2d)
            hidden.reset_parameters()
            bias = output.get_parameter('bias')
            bias.data.copy_(bias.new_tensor(list(self.start_extent)))

    @property
    def mean_size(self) -> Tensor:
        """(K, 3) h, w, l of the classes, metres."""
        return self.roi_branch.depth.mean_size

    def forward(self, x: Sequence[Tensor]) -> dict[str, Tensor]:
        """Dense maps of the finest level.

        Args:
            x (Sequence[Tensor]): Of the neck, the finest first.

        Returns:
            dict[str, Tensor]: ``heatmap`` (B, K, H, W) logits; ``offset_2d``
            and ``size_2d`` (B, 2, H, W), cells.
        """
        return dict(heatmap=self.heatmap(x[0]), offset_2d=self.offset_2d(x[0]),
                    size_2d=self.size_2d(x[0]))

    def regions(self, x: Sequence[Tensor], dense: Mapping[str, Tensor],
                cells: Cells, cameras: Cameras) -> Mapping[str, Tensor]:
        """See :meth:`.MonoRoIBranch.forward`."""
        return self.roi_branch(x[0], dense['offset_2d'], dense['size_2d'],
                               cells, cameras)

    def loss(self, x: Sequence[Tensor], batch_data_samples: Sequence[Any],
             **kwargs: Any) -> dict[str, Tensor]:
        """The losses of a batch.

        Args:
            x (Sequence[Tensor]): Of the neck.
            batch_data_samples (Sequence): With ground truth; see
                :class:`.MonoTargetEncoder`.
        """
        return self._loss(x[:1], self(x), batch_data_samples)

    @in_full_precision
    def _loss(self, x: Sequence[Tensor], dense: Mapping[str, Tensor],
              batch_data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """Half precision ends with the dense maps.

        Original pixels go to 1242, and bfloat16 counts by 8 there.
        """
        size = dense['heatmap'].shape[-2:]
        check_stride(batch_data_samples, size, self.stride)
        targets = self.get_targets(batch_data_samples, size)
        cameras = cameras_of(batch_data_samples, size, self.projection,
                             x[0].device)
        outputs = self.regions(x, dense, targets.cells, cameras)
        return self.loss_by_feat(dense, outputs, targets)

    def get_targets(self, batch_data_samples: Sequence[Any],
                    size: Sequence[int]) -> MonoTargets:
        """What a batch teaches on a map of H, W."""
        return self.encoder(batch_data_samples, size, self.mean_size,
                            self.projection,
                            with_depth=self.roi_branch.depth.reads_depth_maps)

    def loss_by_feat(  # type: ignore[override]
            self, dense: Mapping[str, Tensor], outputs: Mapping[str, Tensor],
            targets: MonoTargets) -> dict[str, Tensor]:
        """``loss_<term>``, which is summed, and ``raw_<term>``, which is
        only logged; see :meth:`raw_losses` for the arguments."""
        raw = self.raw_losses(dense, outputs, targets)
        found = {
            f'loss_{term}': self.task_weights[term] * value
            for term, value in raw.items()
        }
        return found | {f'raw_{t}': v.detach() for t, v in raw.items()}

    @in_full_precision
    def raw_losses(self, dense: Mapping[str, Tensor], outputs: Mapping[str,
                                                                       Tensor],
                   targets: MonoTargets) -> dict[str, Tensor]:
        """Each of :data:`TERMS`, without weights.

        Args:
            dense (dict): Of :meth:`forward`.
            outputs (dict): Of :meth:`regions`.
            targets (MonoTargets): Of the same cells.
        """
        cells, depth = targets.cells, self.roi_branch.depth
        centres = targets.heatmap.eq(1).sum().clamp(min=1)

        def l1(pred: Tensor, target: Tensor) -> Tensor:
            return mean_or_zero((pred - target).abs())

        found = dict(
            seg=self.loss_seg(centre_scores(dense['heatmap']), targets.heatmap)
            / centres, offset2d=l1(cells.gather(dense['offset_2d']),
                                   targets.offset_2d),
            size2d=l1(cells.gather(dense['size_2d']), targets.size_2d),
            depth=depth.loss(outputs, targets),
            offset3d=l1(outputs['offset_3d'], targets.offset_3d),
            size3d=depth.size_loss(outputs, targets.size_3d),
            heading=heading_loss(outputs['heading'], targets.heading_bin,
                                 targets.heading_res))
        return {term: found[term] for term in TERMS}

    def predict(self, x: Sequence[Tensor], batch_data_samples: Sequence[Any],
                rescale: bool = False) -> list[InstanceData]:
        """Detections of each image.

        Args:
            x (Sequence[Tensor]): Of the neck.
            batch_data_samples (Sequence): With ``cam2img`` and ``trans_mat``.
            rescale (bool): 2-D boxes in original pixels, not in those of the
                network's input.

        Returns:
            list[InstanceData]: ``bboxes_3d``, ``scores_3d``, ``labels_3d``,
            and ``bboxes`` (n, 4) of the network's own 2-D boxes.
        """
        return self._predict(x[:1], self(x), batch_data_samples, rescale)

    @in_full_precision
    def _predict(self, x: Sequence[Tensor], dense: Mapping[str, Tensor],
                 batch_data_samples: Sequence[Any],
                 rescale: bool) -> list[InstanceData]:
        """As :meth:`_loss`: test and training see the same regions."""
        size = dense['heatmap'].shape[-2:]
        check_stride(batch_data_samples, size, self.stride)
        cameras = cameras_of(batch_data_samples, size, self.projection,
                             x[0].device)
        scores, cells = self.coder.peaks(centre_scores(dense['heatmap']))
        outputs = self.regions(x, dense, cells, cameras)
        return self.predict_by_feat(dense, outputs, cells, scores, cameras,
                                    batch_data_samples, rescale)

    def predict_by_feat(  # type: ignore[override]
            self, dense: Mapping[str, Tensor], outputs: Mapping[str, Tensor],
            cells: Cells, scores: Tensor, cameras: Cameras,
            batch_data_samples: Sequence[Any],
            rescale: bool = False) -> list[InstanceData]:
        """Boxes of peaks; see :meth:`.MonoCoder.decode` and
        :meth:`predict` for the arguments."""
        found = self.coder.decode(dense, outputs, cells, scores, cameras,
                                  self.roi_branch.depth)
        if not rescale:
            size = dense['heatmap'].shape[-2:]
            corners = cameras.of(cells.image).to_map(
                found.boxes.view(-1, 2, 2), size)
            found = replace(found, boxes=self.stride * corners.reshape(-1, 4))
        return instances_of(found, batch_data_samples)


def centre_scores(logits: Tensor) -> Tensor:
    """Sigmoid within 1e-4 of 0 and 1, float32 at least.

    1 - 1e-4 is 1 in float16, and the focal loss takes the logarithm of the
    rest.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return logits.sigmoid().clamp(_LEAST, 1 - _LEAST)


def heading_loss(pred: Tensor, bins: Tensor, rest: Tensor) -> Tensor:
    """Cross entropy of 12 bins, and L1 of the residual of the true one.

    Args:
        pred (Tensor): (N, 24) logits, residuals in radians.
        bins, rest (Tensor): (N, ).
    """
    log_p = pred[:, :HEADING_BINS].log_softmax(1)
    chosen = pred[:, HEADING_BINS:].gather(1, bins[:, None])[:, 0]
    return (mean_or_zero(-log_p.gather(1, bins[:, None])[:, 0]) + mean_or_zero(
        (chosen - rest).abs()))
