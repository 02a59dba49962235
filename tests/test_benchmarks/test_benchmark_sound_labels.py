"""The benchmark of pseudo labels runs, and notices labels that differ."""
import pytest
import torch
from mmdet.utils import register_all_modules

SMALL = """
_base_ = '{config}'
model = dict(
    backbone=dict(arch='b0'),
    neck=dict(in_channels=[40, 112, 320], out_channels=16, num_cells=1),
    bbox_head=dict(in_channels=16, stacked_convs=1))
"""


@pytest.fixture
def tool(repo, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(repo / 'benchmarks'))
    import sound_labels
    register_all_modules()
    path = tmp_path / 'small.py'
    path.write_text(SMALL.format(config=sound_labels.CONFIG))
    monkeypatch.setattr(sound_labels, 'CONFIG', path)
    return sound_labels


@pytest.mark.parametrize('option', [[], ['--own-size']])
def test_it_prints_the_ratios(tool, option, monkeypatch, capsys):
    monkeypatch.setattr(
        'sys.argv',
        ['sound_labels.py', '--rounds', '2', '--frames', '2', *option])
    tool.main()
    first, _, *rows = capsys.readouterr().out.splitlines()
    assert first.split()[1:5] == ['boxes', 'in', '2', 'frames,']
    assert int(first.split()[0]) > 2
    assert [row.split(':')[0] for row in rows
            ] == ['live ÷ cached', 'live ÷ student', 'cached ÷ student']
    assert all(float(row.split()[3]) > 0 for row in rows)


def test_each_teacher_finds_so_many_boxes(tool, tmp_path):
    data = tool.frames(2, 128)
    for name in tool.TEACHERS:
        tool.write_teacher(name, data, tmp_path / 'weights.pth')
        model = tool.MODELS.build(tool.teacher(name)).eval()
        model.load_state_dict(
            torch.load(tmp_path / 'weights.pth', weights_only=True))
        inputs = model.data_preprocessor(tool.collate(data))['inputs']
        with torch.no_grad():
            scores, _ = model.bbox_head(model.extract_feat(inputs))
        best = torch.cat([
            level.sigmoid().unflatten(1, (9, -1)).amax(2).flatten()
            for level in scores
        ])
        assert (best >= tool.SCORE_THR).sum() == 2 * tool.FOUND


class Learned:
    """An epoch that always learns the same."""

    def __init__(self, box=0., label=1, loss=2.) -> None:
        self.boxes = {
            7: dict(bboxes=torch.tensor([[box, 0., 9., 9.]]),
                    scores=torch.tensor([.5]), labels=torch.tensor([label]))
        }
        self.losses = [torch.tensor(loss)]

    def __call__(self) -> None:
        """It is over."""


@pytest.mark.parametrize('other, message', [
    (dict(box=1e-6), 'boxes are 1e-06 apart|boxes are 9.9.*e-07 apart'),
    (dict(label=2), 'frame 7 has other boxes'),
    (dict(loss=3.), 'losses: .*2.* live, .*3.* cached'),
])
def test_labels_that_differ_end_it(tool, other, message):
    assert tool.check_same(Learned(), Learned()) == 0
    with pytest.raises(SystemExit, match=message):
        tool.check_same(Learned(), Learned(**other))
