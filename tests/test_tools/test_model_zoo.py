"""docs/model_zoo.md is what the metafiles say."""
import pytest
from mmengine.fileio import load

from tests.helpers.commands import load_tool


@pytest.fixture(scope='module')
def zoo(repo):
    return load_tool(repo / 'tools/analysis_tools/model_zoo.py')


def test_the_page_is_up_to_date(zoo, repo):
    """If not: python tools/analysis_tools/model_zoo.py."""
    assert (repo / 'docs/model_zoo.md').read_text() == zoo.page_of()


def test_every_model_has_a_row(zoo, repo):
    rows = [
        line.split(' | ') for line in zoo.page_of().splitlines()
        if line.startswith('| ') and '.py](' in line
    ]
    names = {row[0].removeprefix('| ') for row in rows}
    assert names == {
        model['Name'] for file in load(repo / 'model-index.yml')['Import']
        for model in load(repo / file)['Models']
    }
    learns = {row[0].removeprefix('| '): row[2] for row in rows}
    assert learns['cmkd_fog_baseline'] == 'labels'
    assert learns['cmkd_fog_mse'] == (
        'labels; `fog_teacher.py` by `FeatureMSELoss`')
    assert learns['cmkd_fog_pseudo'] == "labels; a teacher's labels"
    assert learns['mm_distillnet_teacher_rgb'] == 'labels'
    assert learns['mm_distillnet_sound_d2'] == "teachers' labels"
    assert learns['mm_distillnet_stereosoundnet_d2'] == (
        'no labels but boxes of the teacher; `teacher_rgb.py` by '
        '`RankingLoss`')
    assert learns['mm_distillnet_d2'].startswith(
        'no labels but boxes of 3 teachers; `teacher_rgb.py`, ')


def test_results_and_weights_are_shown(zoo, tmp_path, repo):
    """Of a repository where something has been trained."""
    (tmp_path / 'configs/a').mkdir(parents=True)
    (tmp_path / 'configs/a/b.py').write_text("model = dict(type='FCOS')\n")
    (tmp_path / 'model-index.yml').write_text('Import: [a.yml]\n')
    (tmp_path / 'a.yml').write_text('''
Collections:
  - {Name: A, README: configs/a/README.md, Metadata: {Epochs: 12}}
Models:
  - Name: b
    In Collection: A
    Config: configs/a/b.py
    Weights: https://example.org/b.pth
    Results:
      - {Task: Object Detection, Dataset: COCO, Metrics: {box AP: 37.4}}
''')
    page = zoo.page_of(tmp_path, tmp_path / 'docs/zoo.md')
    assert page.endswith(
        '| b | [b.py](../configs/a/b.py) | labels | COCO: box AP 37.4 | '
        '[file](https://example.org/b.pth) |\n')
    assert '- Epochs: 12\n' in page


def test_it_writes_the_page(zoo, tmp_path, monkeypatch):
    out = tmp_path / 'docs/model_zoo.md'
    out.parent.mkdir()
    monkeypatch.setattr('sys.argv', ['model_zoo.py', '--out', str(out)])
    zoo.main()
    assert out.read_text() == zoo.page_of(page=out)
