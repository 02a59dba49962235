"""What tools/train.py prints on the console before and while it trains."""
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.tiny_pair import write_pair

REPO = Path(__file__).resolve().parents[2]
#: Bars: lines on the console before the first step, and seconds of silence.
LINES, GAP = 60, 20.0
#: Longer than the bar allows silence.
SLEEP = 24
SLOW = f'''
import time
from mmdet.models import FPN
from mmxkd.registry import MODELS

@MODELS.register_module()
class SlowFPN(FPN):
    slept = False

    def forward(self, inputs):
        if not self.slept:
            SlowFPN.slept = True
            time.sleep({SLEEP})
        return super().forward(inputs)
'''


@pytest.fixture(scope='module')
def pair(tmp_path_factory):
    root = tmp_path_factory.mktemp('console')
    config = write_pair(root)
    (root / 'slow_fpn.py').write_text(SLOW)
    with open(config, 'a') as file:
        # The teacher has no say in what its student's config imports.
        file.write("custom_imports = dict(imports=['slow_fpn'])\n"
                   "model['student']['neck']['type'] = 'mmxkd.SlowFPN'\n")
    return config


@pytest.fixture(scope='module')
def output(pair):
    """Lines of a real run, each with the second it was printed at."""
    command = [
        sys.executable,
        str(REPO / 'tools/train.py'),
        str(pair), '--work-dir',
        str(pair.parent / 'run'), '--cfg-options', 'train_cfg.max_epochs=1'
    ]
    path = os.pathsep.join([str(REPO), str(pair.parent)])
    begin = time.monotonic()
    process = subprocess.Popen(
        command, cwd=REPO, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=dict(os.environ, OMP_NUM_THREADS='1',
                                           PYTHONPATH=path))
    lines = [(begin, '')]
    for line in process.stdout:
        lines.append((time.monotonic(), line.rstrip('\n')))
    assert process.wait() == 0, '\n'.join(line for _, line in lines)
    return lines


def before_the_first_step(output):
    texts = [line for _, line in output[1:]]
    return texts[:next(i for i, line in enumerate(texts)
                       if 'Epoch(train)' in line)]


@pytest.mark.slow
def test_the_start_fits_on_a_screen(output):
    shown = before_the_first_step(output)
    assert len(shown) <= LINES, '\n'.join(shown)
    text = '\n'.join(shown)
    for part in (
            r'run +distilled_\S+ in \S+/run$',
            r'data +train 8 \(CocoDataset\), val 4 \(CocoDataset\); '
            'batches of 2 per process$',
            r'length +1 epoch of 4 iterations; validates every 1 epoch$',
            r'optimizer +AdamW, lr 0\.001$',
            r'student +RetinaNet, [\d.]+ k weights$',
            r'teacher +wide: RetinaNet, [\d.]+ k weights, all frozen; '
            r'\S+/teacher\.pth$',
            r'loss +loss_feature: FeatureMSELoss × 0\.5, reads '
            r'student:neck\[:2\], wide:neck\[:2\] \(2 levels\)$',
            r'loss +loss_adversarial: AdversarialFeatureLoss × \S+, reads '):
        assert re.search(part, text, re.M), text


@pytest.mark.slow
def test_there_is_always_a_sign_of_life(output):
    times = [at for at, _ in output]
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert max(gaps) <= GAP
    signs = [line for _, line in output if line.startswith('[mmxkd] ')]
    # The dry run, where nobody else prints.
    assert any(
        re.fullmatch(
            r'\[mmxkd\] building the model, for \d+ s '
            r'\(in mmdet\.models\.detectors\.single_stage\.extract_feat\)',
            line) for line in signs), signs


@pytest.mark.slow
def test_nothing_of_upstream_that_nobody_can_act_on(output):
    shown = '\n'.join(line for _, line in output)
    for noise in ('FileClient', 'HardDiskBackend', 'UserWarning',
                  'SyncBatchNorm', 'loading annotations', 'index created',
                  'optimizer.step()'):
        assert noise not in shown


@pytest.mark.slow
def test_the_log_file_has_all(output, pair):
    text = next(pair.parent.glob('run/*/*.log')).read_text()
    shown = '\n'.join(line for _, line in output)
    for part in ('System environment:', 'Config:\n', '\nbefore_train_iter:',
                 '| loss_feature     | 0     | 16×16   | 16×16   |',
                 '| wide:neck[:2]    |', '"FileClient" will be deprecated',
                 'student    RetinaNet', 'Epoch(train)'):
        assert part in text, part
    assert 'before_train_iter:' not in shown and 'wide:neck[:2]  ' not in shown
    assert str(next(pair.parent.glob('run/*/*.log'))) in shown
