from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub

from mmxkd.engine.hooks import StrictEarlyStoppingHook


def epochs_until_stop(scores, **kwargs):
    """Stop as the CMKD code does: when (epoch - best epoch) > 5."""
    hook = StrictEarlyStoppingHook(monitor='coco/bbox_mAP', rule='greater',
                                   min_delta=0, **kwargs)
    loop = SimpleNamespace(stop_training=False)
    runner = SimpleNamespace(train_loop=loop,
                             message_hub=MessageHub(f'hub of {scores}'),
                             logger=SimpleNamespace(info=lambda _: None))
    for epoch, score in enumerate(scores):
        hook.after_val_epoch(runner, {'coco/bbox_mAP': score})
        if loop.stop_training:
            return epoch
    return None


@pytest.mark.parametrize('scores, last', [
    ([0.1, 0.2] + [0.1] * 10, 7),
    ([0.1, 0.2] + [0.2] * 10, 7),
    ([0.1, 0.2, 0.2, 0.1, 0.2, 0.2, 0.2, 0.1], 7),
    ([0.0] * 10, 6),
    ([0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.201, 0.1, 0.2, 0.1, 0.2, 0.2], None),
])
def test_ties_count_as_no_improvement(scores, last):
    assert epochs_until_stop(scores, patience=6) == last


def test_a_run_that_only_tests_builds_no_training_loop():
    hook = StrictEarlyStoppingHook(monitor='coco/bbox_mAP')
    hook.before_run(SimpleNamespace(optim_wrapper=dict(type='OptimWrapper')))
