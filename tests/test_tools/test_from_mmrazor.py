"""The converter of MMRazor's configs as a user calls it."""
import torch
from mmengine.config import Config

from tests.helpers.mmrazor_config import INLINE, write_mmrazor_config

TOOL = 'tools/model_converters/from_mmrazor.py'
MODULE = '''
from pathlib import Path
Path({0!r}).write_text('ran')
'''


class Payload:
    """Runs code where it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, 'w')


def test_only_the_config_runs(repo, run_python, tmp_path):
    """Neither modules that it names, nor weights."""
    ran = tmp_path / 'ran'
    (tmp_path / 'own_module.py').write_text(MODULE.format(str(ran)))
    torch.save(dict(state_dict=Payload(ran)), tmp_path / 'mine.pth')
    old = write_mmrazor_config(
        tmp_path,
        INLINE.replace("'mine.pth'", repr(str(tmp_path / 'mine.pth')))
        + "custom_imports = dict(imports=['own_module'])\n")
    new = tmp_path / 'new.py'
    done = run_python(repo / TOOL, old, new, PYTHONPATH=str(tmp_path))
    assert done.stdout.startswith(str(new))
    assert not ran.exists()
    cfg = Config.fromfile(new, import_custom_modules=False)
    assert cfg.custom_imports.imports == ['mmxkd', 'own_module']
    assert cfg.model.teachers.teacher.checkpoint == str(tmp_path / 'mine.pth')
    done = run_python(repo / TOOL, old, new, check=False)
    assert done.returncode == 1 and 'Traceback' not in done.stderr
    assert done.stderr.strip().endswith(
        f'error: {new} exists; choose another name or remove it')
