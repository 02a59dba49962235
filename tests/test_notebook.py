"""The notebook of demo/ runs from top to bottom."""
import cv2
import nbformat
import pytest

from tests.helpers.notebook import run, script_of

# As a user runs it, but with half of the scenes.
LESS = {'FRAMES, EPOCHS = 16, 2': 'FRAMES, EPOCHS = 8, 1'}


@pytest.fixture(scope='module')
def path(repo):
    return repo / 'demo/distil_fog.ipynb'


def test_it_is_whole_and_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].cell_type == 'markdown'
    for cell in notebook.cells:
        assert not cell.get('outputs')
    with pytest.raises(ValueError, match="no cell has 'FRAMES = 1'"):
        script_of(path, {'FRAMES = 1': ''})


@pytest.mark.slow
def test_it_runs(path, tmp_path):
    done = run(path, tmp_path, LESS)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    # Teacher and distillation are trained, and the three pictures drawn.
    for folder in ('teacher', 'mse'):
        assert (tmp_path
                / f'work_dirs/notebook/{folder}/epoch_1.pth').is_file()
    pictures = sorted(tmp_path.glob('figure_*.png'))
    assert len(pictures) == 3
    for picture in pictures:
        assert cv2.imread(str(picture)).std() > 10
    assert 'loss_feature: FeatureMSELoss × 0.1' in done.stdout
    assert "{'img': (3, 192, 320), 'gated': (3, 192, 320)}" in done.stdout
