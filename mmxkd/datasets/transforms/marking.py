"""Samples that know who labelled them."""
import torch
from mmcv.transforms import BaseTransform
from mmdet.structures.bbox import HorizontalBoxes

from mmxkd.engine.label_sources import HUMAN, LABELLED, SOURCE, UNLABELLED
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.registry import TRANSFORMS

from .scored_boxes import ScoredBoxes

#: What the packing transform carries into the meta information.
SOURCE_KEYS = (SOURCE, LABELLED)


@TRANSFORMS.register_module()
class MarkSource(BaseTransform):
    """Say where the boxes of a sample come from.

    It goes behind ``LoadAnnotations``, in the pipeline of any dataset, and
    :class:`.PackMultiModalInputs` carries on what it says. Losses and logs
    tell frames apart by it.

    Args:
        source (str): ``'human'``; ``'unlabelled'`` for frames that a teacher
            may label in the training step, whose boxes are dropped; or who
            wrote the labels: ``'teacher'``, or the name of a teacher of the
            config. Each box of a teacher needs a ``score`` in its dataset's
            ``instances``, as :class:`.ScoredCocoDataset` gives them.

    Raises:
        ConfigError: There are no boxes yet, or transforms have changed them.
        CorruptSampleError: A box of a teacher has no score.
    """

    def __init__(self, source: str) -> None:
        self.source = source

    def transform(self, results: dict) -> dict:
        """Add ``label_source`` and ``labelled``, and scores to the boxes."""
        results[LABELLED] = self.source == HUMAN
        if self.source == UNLABELLED:
            for key in ('gt_bboxes', 'gt_bboxes_labels', 'gt_ignore_flags'):
                if key in results:
                    results[key] = results[key][:0]
            return results
        results[SOURCE] = self.source
        if self.source != HUMAN:
            results['gt_bboxes'] = self._scored(results)
        return results

    def _scored(self, results: dict) -> ScoredBoxes:
        instances = results.get('instances', [])
        boxes = results.get('gt_bboxes')
        if not isinstance(boxes,
                          HorizontalBoxes) or len(boxes) != len(instances):
            raise ConfigError(
                f'MarkSource({self.source!r}): expected the boxes of '
                'LoadAnnotations(with_bbox=True) as they were loaded; put it '
                'right behind that transform')
        for number, instance in enumerate(instances):
            if 'score' not in instance:
                raise CorruptSampleError(
                    results['img_path'], 'annotations',
                    f'box {number} has no score, as one of teacher '
                    f'{self.source!r} must; read its file by '
                    "type='mmxkd.ScoredCocoDataset'")
        return ScoredBoxes(
            boxes.tensor,
            scores=torch.tensor([instance['score'] for instance in instances],
                                dtype=torch.float32))

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.source!r})'
