import re

import pytest
import torch

pytestmark = pytest.mark.skipif(torch.cuda.is_available(),
                                reason='with CUDA nothing is repaired')


def launch(run_python, repo, folder, *args, check=True):
    return run_python('-m', 'torch.distributed.run', '--nproc_per_node=2',
                      '--rdzv-backend=c10d', '--rdzv-endpoint=localhost:0',
                      repo / 'tests/helpers/toy_run.py', folder, '--launcher',
                      'pytorch', *args, check=check)


@pytest.mark.slow
def test_two_processes_train_on_cpu_only_with_the_repair(
        tmp_path, run_python, repo):
    stock = launch(run_python, repo, tmp_path / 'stock', check=False)
    assert stock.returncode != 0
    launch(run_python, repo, tmp_path / 'ours', '--repaired')
    reports = [(tmp_path / f'ours/rank_{rank}.txt').read_text()
               for rank in (0, 1)]
    # The losses of the two processes differ, their weights must not.
    first, second = (re.search(r'weights: -?[\d.]+', text)[0]
                     for text in reports)
    assert first == second
    saved = torch.load(tmp_path / 'ours/epoch_1.pth', weights_only=True)
    assert saved['meta']['iter'] == 2  # 8 samples, 2 processes, batches of 2
