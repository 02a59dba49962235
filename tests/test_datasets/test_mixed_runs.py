"""Batches of whole and of resumed runs, with one process and with two."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.ddp_mixed import SIZES, run

REPO = Path(__file__).resolve().parents[2]
LABELLED = SIZES[0]


def ids(batches):
    return [[int(number) for number, _ in batch] for batch in batches]


def check_composition(batches):
    for batch in ids(batches):
        assert [number < LABELLED for number in batch] == [True, False]


def test_epochs_and_a_resume(tmp_path):
    """6 labelled frames, one in each batch: an epoch has 6 batches."""
    whole = run(tmp_path / 'whole', True)
    assert len(whole) == 18
    check_composition(whole)
    for epoch in range(3):
        seen = ids(whole[6 * epoch:6 * epoch + 6])
        assert sorted(batch[0] for batch in seen) == list(range(6))
    assert ids(whole[:6]) != ids(whole[6:12])
    # Of the 10 others, 18 are taken: each once or twice.
    others = [batch[1] for batch in ids(whole)]
    assert set(others[:10]) == set(range(6, 16))
    run(tmp_path / 'cut', True, cut=8)
    # With the draws of the augmentation.
    assert run(tmp_path / 'cut', True, resume=True) == whole[6:]


@pytest.mark.parametrize('endless', [True, False])
def test_iterations_and_a_resume(tmp_path, monkeypatch, endless):
    # mmengine waits for 2 s at the end of the data.
    monkeypatch.setattr(time, 'sleep', lambda seconds: None)
    whole = run(tmp_path / 'whole', False, endless=endless)
    assert len(whole) == 9
    check_composition(whole)
    assert ids(whole) == ids(run(tmp_path / 'epochs', True))[:9]
    run(tmp_path / 'cut', False, cut=7, endless=endless)
    assert run(tmp_path / 'cut', False, resume=True,
               endless=endless) == whole[7:]


def test_two_processes_and_a_resume(tmp_path):
    done = subprocess.run([
        sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2',
        '--master_port=0', '--rdzv_backend=c10d',
        '--rdzv_endpoint=localhost:0',
        str(REPO / 'tests/helpers/ddp_mixed.py'),
        str(tmp_path)
    ], env=dict(os.environ, PYTHONPATH=str(REPO), OMP_NUM_THREADS='1'),
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found = [
        json.loads((tmp_path / f'rank_{rank}.json').read_text())
        for rank in range(2)
    ]
    for part in found:
        assert len(part['whole']) == 9
        check_composition(part['whole'])
        assert part['resumed'] == part['whole'][3:]
    for epoch in range(3):
        labelled = [
            batch[0] for part in found
            for batch in ids(part['whole'][3 * epoch:3 * epoch + 3])
        ]
        assert sorted(labelled) == list(range(6))
    others = [
        batch[1] for step in range(5) for part in found
        for batch in ids(part['whole'][step:step + 1])
    ]
    assert sorted(others) == list(range(6, 16))
