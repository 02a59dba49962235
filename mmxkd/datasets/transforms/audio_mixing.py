"""Two recordings heard at once."""
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.structures.bbox import autocast_box_type

from mmxkd.errors import ConfigError, check_number, is_range
from mmxkd.modalities import present
from mmxkd.registry import TRANSFORMS

from .one_source import check_one_source


@TRANSFORMS.register_module()
class MixAudio(BaseTransform):
    """Add the sound of another sample; its boxes are there then too.

    Sounds add up in the air, so that the mixture is what the microphones
    would hear of both scenes. Pictures do not: a sample that holds any is
    refused, as is one whose spectrogram was made before.

    It stands in the pipeline of mmdet's ``MultiImageMixDataset``.

    Required Keys:

    - audio (np.float32): (C, T)
    - gt_bboxes, gt_bboxes_labels, gt_ignore_flags (optional)
    - mix_results (list[dict]): the other sample

    Modified Keys: audio, and the boxes.

    Args:
        prob (float): How often a sample is mixed, 0 to 1.
        gain (tuple[float, float]): Smallest and largest factor of the other
            sound, drawn evenly.

    Raises:
        ConfigError: A number is out of range, or the samples cannot be
            mixed.
    """

    def __init__(
        self, prob: float = 0.5, gain: tuple[float, float] = (1., 1.)) -> None:
        check_number('MixAudio: prob', prob, 0, 1)
        if not is_range(gain) or gain[0] <= 0:
            raise ConfigError(f'MixAudio: gain={gain!r}, expected two numbers '
                              'above 0, rising')
        self.prob, self.gain = prob, gain

    def get_indexes(self, dataset: Any) -> int:
        """Index of the other sample; asked by ``MultiImageMixDataset``."""
        return int(np.random.randint(len(dataset)))

    @autocast_box_type()
    def transform(self, results: dict) -> dict:
        if len(results.get('mix_results', ())) != 1:
            raise ConfigError('MixAudio: expected one other sample in '
                              "mix_results; use mmdet's MultiImageMixDataset")
        other = results['mix_results'][0]
        self._check(results, other)
        if np.random.random() >= self.prob:
            return results
        gain = np.float32(np.random.uniform(*self.gain))
        results['audio'] = results['audio'] + gain * other['audio']
        if 'gt_bboxes' in results:
            boxes = results['gt_bboxes']
            results['gt_bboxes'] = boxes.cat([boxes, other['gt_bboxes']], 0)
        for key in ('gt_bboxes_labels', 'gt_ignore_flags'):
            if key in results:
                results[key] = np.concatenate([results[key], other[key]])
        return results

    def _check(self, results: dict, other: dict) -> None:
        check_one_source('MixAudio', [results, other])
        for modality in present(results):
            if modality.name != 'audio':
                raise ConfigError(
                    f'MixAudio: {modality.name!r} of two scenes cannot be '
                    'added; leave it out, or put MixAudio before the '
                    'transform that makes it')
        shapes = [
            sample['audio'].shape for sample in (results, other)
            if 'audio' in sample
        ]
        rates = [sample.get('sample_rate') for sample in (results, other)]
        if len(shapes) != 2 or shapes[0] != shapes[1] or rates[0] != rates[1]:
            raise ConfigError(
                'MixAudio: expected two samples with sound of one length and '
                f'rate, got {shapes} at {rates} Hz')
        for key in ('gt_bboxes', 'gt_bboxes_labels', 'gt_ignore_flags'):
            if (key in results) != (key in other):
                raise ConfigError(f'MixAudio: only one of two samples has '
                                  f'{key!r}')

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob}, gain={self.gain})'
