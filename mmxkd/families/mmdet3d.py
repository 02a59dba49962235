"""mmdet3d's detectors; nothing of mmdet3d is imported to know them."""
from typing import Any

from torch import nn

from .base import Detector
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
        """As mmdet's, in a dict."""
        images, samples = super().grey_batch(model, size)
        return dict(imgs=images), samples

    def predict(self, model: Detector, inputs: Any, samples: list) -> list:
        """See :meth:`.base.Family.predict`: ``pred_instances_3d`` too."""
        return model.predict(inputs, samples)

    def chooses(self, preprocessor: nn.Module) -> bool:
        """Its preprocessors take what they need of a dict of inputs."""
        return True

    def as_batch(self, images: Any) -> Any:
        """Images as an entry of a dict."""
        return {self.image_key: images}
