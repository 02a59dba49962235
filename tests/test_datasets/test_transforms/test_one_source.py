"""What joins several frames joins those of one source."""
import numpy as np
import pytest
from mmdet.structures.bbox import HorizontalBoxes

import mmxkd  # noqa: F401
from mmxkd.errors import ConfigError
from mmxkd.registry import TRANSFORMS

HUMAN = dict(label_source='human', labelled=True)
TEACHER = dict(label_source='teacher', labelled=False)
NOBODY = dict(labelled=False)


def frame(number, **source):
    return dict(img=np.full((32, 48, 3), number, np.uint8), img_shape=(32, 48),
                img_path=f'{number}.png', img_id=number,
                gt_bboxes=HorizontalBoxes([[2., 2., 20., 20.]]),
                gt_bboxes_labels=np.zeros(1, np.int64),
                gt_ignore_flags=np.zeros(1, bool), **source)


def joined(kind, first, second):
    """Both in one sample; the cached ones remember the second."""
    if kind == 'MixAudio':
        for sample in (first, second):
            del sample['img'], sample['img_shape']
            sample.update(audio=np.ones((8, 100), np.float32))
        transform = TRANSFORMS.build(dict(type='mmxkd.MixAudio', prob=1.))
        return transform(dict(first, mix_results=[second]))
    many = 3 if 'Mosaic' in kind else 1
    options = dict(img_scale=(48, 32), prob=1.) if 'Mosaic' in kind else dict(
        img_scale=(48, 32))
    if 'Cached' not in kind:
        transform = TRANSFORMS.build(dict(type=f'mmxkd.{kind}', **options))
        return transform(dict(first, mix_results=[second] * many))
    transform = TRANSFORMS.build(
        dict(type=f'mmxkd.{kind}', **options, random_pop=False))
    transform.results_cache = [dict(second) for _ in range(9)]
    transform.get_indexes = lambda cache, find=transform.get_indexes: find(
        cache[:9])
    return transform(first)


KINDS = ['Mosaic', 'CachedMosaic', 'MixUp', 'CachedMixUp', 'MixAudio']


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('first, second, named', [
    (HUMAN, TEACHER, r'1.png \(human\) and 2.png \(teacher\)'),
    (TEACHER, {}, r'1.png \(teacher\) and 2.png \(human\)'),
    ({}, NOBODY, r'1.png \(human\) and 2.png \(unlabelled\)'),
])
def test_two_sources_are_refused(kind, first, second, named):
    with pytest.raises(ConfigError, match=f'{kind}: {named} have labels of'):
        joined(kind, frame(1, **first), frame(2, **second))


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('source', [HUMAN, {}, NOBODY])
def test_one_source_is_joined(kind, source):
    np.random.seed(0)
    found = joined(kind, frame(1, **source), frame(2, **source))
    assert found.get('label_source') == source.get('label_source')
    assert len(found['gt_bboxes']) >= 1


def test_an_unmarked_frame_is_of_a_human():
    found = joined('Mosaic', frame(1, **HUMAN), frame(2))
    assert found['label_source'] == 'human'
