"""Packing of the modalities of a sample for a model."""
from collections.abc import Sequence

from mmcv.transforms import to_tensor
from mmdet.datasets.transforms import PackDetInputs
from torch import Tensor

from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.formats.pseudo_labels import WRITTEN_BY
from mmxkd.modalities import MODALITIES, present
from mmxkd.registry import TRANSFORMS

from .alignment import alignment_of
from .marking import SOURCE_KEYS
from .moves import exchanges_sides
from .scored_boxes import unpack_scores


@TRANSFORMS.register_module()
class PackMultiModalInputs(PackDetInputs):
    """Pack several modalities where mmdet's ``PackDetInputs`` packs ``img``.

    The result is ``inputs: {modality: Tensor}`` and mmdet's ``data_samples``.
    A spatial modality becomes (C, H, W) in its own dtype; sounds keep their
    shape. A pipeline that ends in mmdet's own ``PackDetInputs`` means
    ``{'img': …}``.

    What :class:`.MarkSource` says of the labels is packed too: scores into
    ``gt_instances.scores``, the source into the meta information.

    Args:
        modalities (Sequence[str]): The keys to pack.
        **kwargs: Of mmdet's ``PackDetInputs``.

    Raises:
        ConfigError: A modality was not loaded; or ``img`` was moved and it
            was not. It names the transform, and the one to write instead.
    """

    def __init__(self, modalities: Sequence[str] = ('img', 'gated'),
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.modalities = tuple(modalities)
        keys = dict.fromkeys((*self.meta_keys, *SOURCE_KEYS, WRITTEN_BY))
        self.meta_keys: tuple[str, ...] = tuple(keys)

    def transform(self, results: dict) -> dict:
        for key in self.modalities:
            if key not in results:
                raise ConfigError(
                    f'{type(self).__name__}: no transform has loaded {key!r}; '
                    + did_you_mean(key, results))
        packed = super().transform(results)
        packed['inputs'] = self._pack_modalities(results)
        unpack_scores(packed['data_samples'])
        return packed

    def _pack_modalities(self, results: dict) -> dict[str, Tensor]:
        inputs = {}
        # What nobody registered is packed as an image, and must be one.
        sounds = [m.name for m in present(self.modalities) if not m.spatial]
        for key in self.modalities:
            check_aligned(key, results, key in sounds, type(self).__name__)
            if key in sounds:
                inputs[key] = to_tensor(results[key])
                continue
            inputs[key] = super().transform(dict(img=results[key]))['inputs']
        return inputs

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(modalities={self.modalities}, '
                f'meta_keys={self.meta_keys})')


def check_aligned(key: str, results: dict, is_sound: bool,
                  packer: str) -> None:
    """Refuse a modality that did not follow ``img``; ``packer`` is the
    transform that packs it, for the message."""
    memory = alignment_of(results)
    fault = memory.apart(key)
    advice = fault.text if fault else (
        'write the mmxkd transforms of docs/transforms.md in place of '
        "mmdet's")
    flipped = results.get('flip') and key not in results.get(
        'flipped_modalities', ['img'])
    if is_sound:
        if not fault and not (flipped
                              and exchanges_sides(results['flip_direction'])):
            return
        reason = f'img was flipped and {key!r} was not'
    elif 'img' in results and results[key].shape[:2] != results[
            'img'].shape[:2]:
        reason = (f'img was resized, cropped or padded and {key!r} was not '
                  f'({results[key].shape[:2]} against '
                  f'{results["img"].shape[:2]})')
    elif flipped:
        reason = (f'img was flipped and {key!r} was not '
                  f'({results["flip_direction"]})')
    elif fault:
        reason = f'{key!r} may not fit img and the boxes'
    elif key not in MODALITIES and memory.moved_by:
        reason = f'img was moved and {key!r} was not'
        advice = (f'{memory.moved_by} moves what mmxkd.modalities.'
                  'register_modality knows')
    else:
        return
    raise ConfigError(f'{packer}: {reason}; {advice}')
