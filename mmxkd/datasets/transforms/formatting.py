"""Packing of the modalities of a sample for a model."""
from collections.abc import Sequence

from mmcv.transforms import to_tensor
from mmdet.datasets.transforms import PackDetInputs
from torch import Tensor

from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.modalities import present
from mmxkd.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackMultiModalInputs(PackDetInputs):
    """Pack several modalities where mmdet's ``PackDetInputs`` packs ``img``.

    The result is ``inputs: {modality: Tensor}`` and mmdet's ``data_samples``.
    A spatial modality becomes (C, H, W) in its own dtype; sounds keep their
    shape. A pipeline that ends in mmdet's own ``PackDetInputs`` means
    ``{'img': …}``.

    Args:
        modalities (Sequence[str]): The keys to pack.
        **kwargs: Of mmdet's ``PackDetInputs``.

    Raises:
        ConfigError: A modality was not loaded, or a stock transform moved
            ``img`` and left another one where it was.
    """

    def __init__(self, modalities: Sequence[str] = ('img', 'gated'),
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.modalities = tuple(modalities)

    def transform(self, results: dict) -> dict:
        for key in self.modalities:
            if key not in results:
                raise ConfigError(
                    f'PackMultiModalInputs: no transform has loaded {key!r}; '
                    + did_you_mean(key, results))
        packed = super().transform(results)
        packed['inputs'] = self._pack_modalities(results)
        return packed

    def _pack_modalities(self, results: dict) -> dict[str, Tensor]:
        inputs = {}
        # What nobody registered is packed as an image, and must be one.
        sounds = [m.name for m in present(self.modalities) if not m.spatial]
        for key in self.modalities:
            if key in sounds:
                inputs[key] = to_tensor(results[key])
                continue
            _check_aligned(key, results)
            inputs[key] = super().transform(dict(img=results[key]))['inputs']
        return inputs

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(modalities={self.modalities}, '
                f'meta_keys={self.meta_keys})')


def _check_aligned(key: str, results: dict) -> None:
    """Refuse a modality that did not follow ``img``."""
    shape = results[key].shape[:2]
    if 'img' in results and shape != results['img'].shape[:2]:
        moved = 'resized, cropped or padded'
        detail = f'{shape} against {results["img"].shape[:2]}'
    elif results.get('flip') and key not in results.get(
            'flipped_modalities', ['img']):
        moved, detail = 'flipped', results['flip_direction']
    else:
        return
    raise ConfigError(
        f'PackMultiModalInputs: img was {moved} and {key!r} was not '
        f'({detail}); write mmxkd.Resize, mmxkd.RandomFlip, mmxkd.RandomCrop '
        "or mmxkd.Pad in place of mmdet's transform")
