"""mmdet3d's detectors; nothing of mmdet3d is imported to know them."""
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData
from torch import Tensor, nn

from mmxkd.errors import ConfigError

from .base import Detector, Step, serves
from .depth_maps import depth_maps_of
from .mmdet import MMDetFamily, made_by


class MMDet3DFamily(MMDetFamily):
    """Detectors whose forward takes a dict, such as ``dict(imgs=…)``."""
    name = 'mmdet3d'

    def owns(self, module: nn.Module) -> bool:
        """Whether a class of mmdet3d, or one derived from it, made it."""
        return made_by('mmdet3d', module)

    def can_dry_run(self, model: nn.Module) -> bool:
        """The monocular detectors take one stack of images.

        Others take points or several cameras; their connectors are stated,
        not inferred.
        """
        return any(c.__name__ == 'SingleStageMono3DDetector'
                   for c in type(model).__mro__)

    def grey_batch(self, model: nn.Module,
                   size: tuple[int, int]) -> tuple[Any, list]:
        """As mmdet's, in a dict; each sample has an object 20 m ahead."""
        # Who has such a model has the package.
        from mmdet3d.structures import CameraInstance3DBoxes, Det3DDataSample
        images, flat = super().grey_batch(model, size)
        height, width = size
        cell = 4  # pixels, as all of these heads have that use the matrix
        camera = np.eye(4)
        camera[:2, :3] = [[width, 0, width / 2], [0, width, height / 2]]
        samples = []
        for old in flat:
            sample = Det3DDataSample(metainfo=dict(
                old.metainfo, cam2img=camera, aug_scale=1.0, trans_mat=np.diag(
                    [1 / cell, 1 / cell, 1.]), affine_aug=False,
                box_type_3d=CameraInstance3DBoxes))
            sample.gt_instances = old.gt_instances
            place = images.new_tensor([[0., .75, 20., 4., 1.5, 1.6, .3]])
            label = old.gt_instances.labels
            sample.gt_instances_3d = InstanceData(
                bboxes_3d=CameraInstance3DBoxes(place), labels_3d=label,
                depths=place[:, 2],
                centers_2d=images.new_tensor([[width / 2, height / 2]]))
            sample.gt_depth = PixelData(
                data=images.new_full((1, height, width), 20.))
            samples.append(sample)
        return dict(imgs=images), samples

    def predict(self, model: Detector, inputs: Any, samples: list) -> list:
        """See :meth:`.base.Family.predict`: ``pred_instances_3d`` too."""
        return model.predict(inputs, samples)

    def chooses(self, preprocessor: nn.Module) -> bool:
        """Its preprocessors take what they need of a dict of inputs."""
        return True

    def check_view(self, model: Detector, inputs: Any, name: str) -> None:
        """A dict, and of a monocular detector one with ``imgs``."""
        kind = type(model.data_preprocessor).__name__
        if not isinstance(inputs, Mapping):
            raise ConfigError(
                f'{name}: its data_preprocessor {kind} gives one '
                f'{type(inputs).__name__}, but {type(model).__name__} takes a '
                'dict; for a monocular detector use '
                'mmxkd.Mono3DDataPreprocessor, which has modalities too')
        if self.can_dry_run(model) and 'imgs' not in inputs:
            raise ConfigError(
                f"{name}: its data_preprocessor {kind} gives no 'imgs', but "
                f'{sorted(inputs)}: {type(model).__name__} needs pictures. '
                "Add 'img' to the keys of the packing transform, or, for a "
                'model that sees something else, use '
                'mmxkd.Mono3DDataPreprocessor with modalities')

    def as_batch(self, images: Any) -> Any:
        """Images as an entry of a dict."""
        return {self.image_key: images}

    @serves()
    def depth(self, step: Step) -> Tensor:
        """(N, H, W) depth maps in metres, 0 = no value, of the network's
        input; on the student's device.

        Raises:
            ConfigError: A sample has none, or one that does not fit.
        """
        return depth_maps_of(step.samples)[:, 0].to(step.device)

    @serves()
    def input_focal(self, step: Step) -> Tensor:
        """(N, ) horizontal focal lengths in pixels of the network's input.

        Raises:
            ConfigError: The meta information of a sample does not tell.
        """
        focal = []
        for sample in step.samples:
            meta = sample.metainfo
            needed = {'cam2img', 'ori_shape', 'img_shape'}
            if 'trans_mat' in meta:  # cropped, by who writes both
                needed.add('aug_scale')
            missing = needed - meta.keys()
            if missing:
                raise ConfigError(
                    "it asks for 'input_focal', for which the meta_keys of "
                    f'the packing transform lack {sorted(missing)}')
            crop = meta['ori_shape'][1] * meta.get('aug_scale', 1.0)
            scale = meta['img_shape'][1] / crop
            focal.append(float(np.asarray(meta['cam2img'])[0, 0]) * scale)
        return torch.tensor(focal, device=step.device)
