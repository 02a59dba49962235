import pytest
import torch
from mmengine.registry import DefaultScope

from mmxkd.engine.model_config import build_model, read_model_config
from tests.helpers.tiny_run import write_config, write_data


@pytest.mark.slow
def test_export_then_start_from_it(tmp_path, repo, run_python):
    """The file is written, tested, and a run starts from its weights."""
    write_data(tmp_path / 'data')
    config = write_config(tmp_path / 'student.py', tmp_path / 'data', epochs=1)
    cfg, scope = read_model_config(str(config), 'config')
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = build_model(cfg, scope)
    checkpoint = tmp_path / 'epoch_1.pth'
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    out = tmp_path / 'student.safetensors'
    done = run_python(repo / 'tools/model_converters/export_student.py',
                      config, checkpoint, out)
    number = len(model.state_dict())
    assert f'{out}: {number} weights' in done.stdout
    done = run_python(repo / 'tools/test.py', config, out, '--work-dir',
                      tmp_path / 'test')
    assert 'coco/bbox_mAP' in done.stdout + done.stderr
    done = run_python(repo / 'tools/train.py', config, '--work-dir',
                      tmp_path / 'train', '--cfg-options', f'load_from={out}')
    assert f'Load checkpoint from {out}' in done.stdout + done.stderr
    done = run_python(repo / 'tools/train.py', config, '--work-dir',
                      tmp_path / 'resumed', '--resume', out, check=False)
    assert done.returncode != 0
    assert 'holds weights but no training state' in done.stderr


def test_a_wrong_name_is_answered(tmp_path, repo, run_python):
    config = write_config(tmp_path / 'student.py', tmp_path)
    done = run_python(repo / 'tools/model_converters/export_student.py',
                      config, tmp_path / 'epoch_1.pth', 'out.pth', check=False)
    assert done.returncode == 2 and 'no file' in done.stderr


def test_a_file_without_weights_is_one_line(tmp_path, repo, run_python):
    config = write_config(tmp_path / 'student.py', tmp_path)
    checkpoint = tmp_path / 'epoch_1.pth'
    torch.save(dict(meta={}), checkpoint)
    done = run_python(repo / 'tools/model_converters/export_student.py',
                      config, checkpoint, tmp_path / 'out.pth', check=False)
    assert done.returncode == 1 and 'Traceback' not in done.stderr
    assert 'error: ' in done.stderr and 'epoch_1.pth' in done.stderr
    assert not (tmp_path / 'out.pth').exists()
