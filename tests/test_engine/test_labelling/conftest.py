import json
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from tests.helpers.blobs import DATA, VAL, write_frames, write_teacher


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with frames, and the ways to label them.

    ``teacher(**options)`` makes a teacher, ``run(**request)`` labels and
    returns the file.
    """
    from mmxkd.engine.labelling.labeller import Request, label
    from mmxkd.engine.labelling.teachers import Teacher
    # It starts compilers, for a line in the log.
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    write_frames(tmp_path, 'val', VAL)
    write_frames(tmp_path, 'data', DATA, labelled=False)
    numbers = iter(range(100))

    def teacher(class_map=None, cfg=None, mirrored=False, **options):
        config, checkpoint = write_teacher(tmp_path,
                                           f'teacher_{next(numbers)}',
                                           **options)
        config = Config.fromfile(config)
        config.merge_from_dict(cfg or {})
        return Teacher(config, str(checkpoint), class_map or {}, mirrored)

    def run(*teachers, **request):
        request = {
            'out': tmp_path / 'pseudo.json', 'ann': 'data.json', **request
        }
        label(Request(list(teachers or (teacher(), )), **request))
        return json.loads(request['out'].read_text())

    return SimpleNamespace(root=tmp_path, teacher=teacher, run=run,
                           out=tmp_path / 'pseudo.json',
                           progress=tmp_path / 'pseudo.json.progress')
