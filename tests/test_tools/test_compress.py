"""Prune, train on and quantise by the command that a user types."""
import json

import pytest
import torch
from mmdet.apis import init_detector

from tests.helpers.commands import load_tool
from tests.helpers.onnx_case import write_case

SHORT = '''
train_cfg = dict(max_epochs=1, val_interval=1)
'''


@pytest.fixture
def tool(repo):
    pytest.importorskip('onnxscript', reason='needs the extra compress')
    return load_tool(repo / 'tools/compress.py')


@pytest.mark.slow
def test_the_table_has_a_row_for_each_step(repo, tool, tmp_path, capsys):
    config, checkpoint = write_case(tmp_path / 'case', repo, 'shuffledet', 4,
                                    SHORT)
    out = tmp_path / 'small'
    command = [
        str(config),
        str(checkpoint), '--prune', '0.5', '--int8', '--out',
        str(out), '--rounds', '2', '--calibration', '2', '--epochs', '1'
    ]
    tool.main(command)
    rows = json.loads((out / 'compression.json').read_text())
    assert [row['step'] for row in rows
            ] == ['given', 'pruned', 'pruned and trained', 'int8']
    given, pruned, trained, int8 = rows
    # The stem of the tiny ShuffleDet, which stays, is 40 % of it.
    assert trained['macs'] == pruned['macs'] < .75 * given['macs']
    assert int8['megabytes'] < trained['megabytes'] < given['megabytes']
    assert all(row['milliseconds'] > 0 and 0 <= row['value'] <= 1
               for row in rows)
    table = capsys.readouterr().out.strip().splitlines()[-6:]
    assert table == (out / 'compression.md').read_text().splitlines()
    assert table[0].startswith('| step | coco/bbox_mAP |')
    # mmdet's own function builds it from its config, with the trained
    # weights.
    (best, ) = (out / 'trained').glob('best_*.pth')
    model = init_detector(str(out / 'pruned.py'), str(best), device='cpu')
    start = torch.load(out / 'pruned.pth', weights_only=True)['state_dict']
    assert {k: v.shape for k, v in model.state_dict().items()
            } == {k: v.shape for k, v in start.items()}
    assert not torch.equal(model.bbox_head.conv_det.weight,
                           start['bbox_head.conv_det.weight'])


def test_nothing_to_do_is_an_error(repo, tool, tmp_path, capsys):
    config, checkpoint = write_case(tmp_path / 'case', repo, 'shuffledet', 1)
    with pytest.raises(SystemExit):
        tool.main([str(config), str(checkpoint), '--out', str(tmp_path)])
    assert 'nothing to do' in capsys.readouterr().err


def test_no_calibration_pictures_stop_before_any_training(
        repo, tool, tmp_path):
    config, checkpoint = write_case(tmp_path / 'case', repo, 'shuffledet', 1)
    out = tmp_path / 'small'
    with pytest.raises(ValueError, match='calibration: 0 pictures'):
        tool.main([
            str(config),
            str(checkpoint), '--int8', '--prune', '.5', '--calibration', '0',
            '--out',
            str(out)
        ])
    assert not list(out.iterdir())
