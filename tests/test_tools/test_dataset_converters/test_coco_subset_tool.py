"""The command that keeps a part of the frames."""
import json

import pytest

TOOL = 'tools/dataset_converters/coco_subset.py'


@pytest.fixture
def annotations(tmp_path):
    path = tmp_path / 'train.json'
    path.write_text(
        json.dumps(
            dict(
                images=[
                    dict(id=i, file_name=f'{i}.png', width=8, height=8)
                    for i in range(6)
                ], annotations=[
                    dict(id=i, image_id=i, category_id=1, bbox=[1, 1, 2, 2],
                         area=4, iscrowd=0) for i in range(6)
                ], categories=[dict(id=1, name='car')])))
    return path


def test_it_writes_a_part(run_python, annotations, tmp_path):
    out = tmp_path / 'parts' / 'train_2.json'
    done = run_python(TOOL, annotations, '--frames', 2, '--out', out)
    found = json.loads(out.read_text())
    assert len(found['images']) == len(found['annotations']) == 2
    assert f'{out}: 2 of 6 frames, 2 boxes' in done.stdout


def test_bad_input_is_named(run_python, annotations, tmp_path):
    for arguments, message in (((annotations, '--frames', 7),
                                'expected 1 to 6'), ((tmp_path / 'no.json',
                                                      '--frames', 1),
                                                     'no.json')):
        done = run_python(TOOL, *arguments, '--out', tmp_path / 'out.json',
                          check=False)
        assert done.returncode == 1
        assert 'error:' in done.stderr and message in done.stderr
        assert 'Traceback' not in done.stderr
        assert not (tmp_path / 'out.json').exists()
