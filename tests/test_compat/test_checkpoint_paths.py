"""Whole runs are in tests/test_engine/test_hooks/test_moved_runs.py."""
from types import SimpleNamespace

import pytest
from mmengine.hooks import CheckpointHook
from mmengine.logging import MessageHub

import mmxkd  # noqa: F401


@pytest.mark.parametrize('out_dir, folder', [(None, '/new/run'),
                                             ('/new/run', '/new/run'),
                                             ('/out', '/out/run')])
def test_every_path_is_of_the_folder_of_the_run(tmp_path, out_dir, folder):
    hub = MessageHub('paths')
    paths = ('last_ckpt', 'best_ckpt_score', 'best_ckpt_coco/bbox_mAP',
             'superseded_best')
    for key in paths:
        hub.update_info(key, f'/old/run/{key.replace("/", "_")}.pth')
    others = dict(best_score=0.5, best_ckpt=None, cfg='/old/run/epoch_1.pth')
    hub.update_info_dict(others)
    runner = SimpleNamespace(message_hub=hub, work_dir='/new/run',
                             logger=SimpleNamespace(info=print))
    hook = CheckpointHook(save_best=['score', 'coco/bbox_mAP'], rule='greater',
                          out_dir=out_dir)
    hook.before_train(runner)
    assert hub.runtime_info == {
        **others,
        **{key: f'{folder}/{key.replace("/", "_")}.pth' for key in paths}
    }
    assert hook.out_dir == folder
    assert hook.best_ckpt_path_dict == {
        key: hub.get_info(f'best_ckpt_{key}')
        for key in ('score', 'coco/bbox_mAP')
    }
