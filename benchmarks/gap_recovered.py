"""Train teacher, baseline, MSE and Adv on synthetic fog; report the gap.

All of them start from one detector, which is trained first, on clear frames.
Every run that is done is skipped, and one that was stopped goes on from its
last epoch, so the command can be repeated at any time. Runs of one seed that
do not wait for each other run side by side. Ends with the table of
tools/analysis_tools/gap_report.py.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time
from concurrent import futures as cf
from concurrent.futures import Future
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODELS = ('teacher', 'baseline', 'mse', 'adv')
STUDENTS = ('mse', 'adv')
SPLITS = ('val', 'test')
STATUS_SECONDS = 20


class Run:
    """One model with one seed: trained, then tested on val and test.

    Args:
        model (str): One of :data:`MODELS`.
        seed (int): Of initialisation and of the order of the frames.
        args (Namespace): The command line.
    """

    def __init__(self, model: str, seed: int,
                 args: argparse.Namespace) -> None:
        self.model, self.seed, self.args = model, seed, args
        self.name = f'seed {seed} {model}'
        self.dir = args.work_dir / f'seed_{seed}' / model
        self.data_root, self.start = args.data_root, args.start
        self.config = ROOT / f'configs/cmkd/fog_{model}_tiny.py'
        self.log = self.dir / 'output.log'
        self.trained = self.dir / 'trained.json'
        self.process: subprocess.Popen | None = None

    def detections(self, split: str) -> Path:
        return self.dir / f'{split}.bbox.json'

    @property
    def done(self) -> bool:
        return all(self.detections(split).is_file() for split in SPLITS)

    def execute(self, before: list[Future]) -> None:
        """Train and test, after those that this run builds upon."""
        for future in before:
            future.result()
        if self.done:
            return
        self.dir.mkdir(parents=True, exist_ok=True)
        begin = time.monotonic()
        if not self.trained.is_file():
            self._train()
        for split in SPLITS:
            if not self.detections(split).is_file():
                self._test(split)
        print(f'{self.name}: done in {time.monotonic() - begin:.0f} s',
              flush=True)

    def _train(self) -> None:
        options = []
        if self.start is not None:
            options.append(f'load_from={self.start.checkpoint}')
        if self.model in STUDENTS:
            options.append('model.teachers.gated.checkpoint='
                           f'{self.dir.parent / "teacher"}')
        self._call('tools/train.py', [self.config], options, '--resume',
                   '--seed', self.seed, '--work-dir', self.dir)
        best = sorted(self.dir.glob('best_*.pth'))
        if len(best) != 1:
            raise RuntimeError(f'{self.dir}: expected one best_*.pth, found '
                               f'{len(best)}')
        write_whole(self.trained, json.dumps({'checkpoint': best[0].name}))

    @property
    def checkpoint(self) -> Path:
        """The best one of a run that is trained."""
        return self.dir / json.loads(self.trained.read_text())['checkpoint']

    def _test(self, split: str) -> None:
        annotations = f'annotations/{split}.json'
        part = self.dir / f'{split}.part'
        self._call(
            'tools/test.py', [self.config, self.checkpoint], [
                f'test_dataloader.dataset.ann_file={annotations}',
                f'test_evaluator.ann_file={self.data_root / annotations}'
            ], '--out', part, '--work-dir', self.dir / f'eval_{split}')
        os.replace(f'{part}.bbox.json', self.detections(split))

    def _call(self, tool: str, positional: list, options: list[str],
              *arguments) -> None:
        """Run a tool of the package; its output goes to a log.

        Raises:
            RuntimeError: It fails; the end of its output is in the message.
        """
        root = self.data_root
        options = [
            *(f'{loader}_dataloader.dataset.data_root={root}/'
              for loader in ('train', *SPLITS)),
            f'val_evaluator.ann_file={root}/annotations/val.json', *options
        ]
        threads = max(1, (os.cpu_count() or 1) // self.args.jobs)
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(
                [sys.executable, ROOT / tool, *map(str, positional),
                 *map(str, arguments), '--cfg-options', *options],
                stdout=log, stderr=subprocess.STDOUT, cwd=ROOT,
                env={**os.environ, 'OMP_NUM_THREADS': str(threads)})
        status = self.process.wait()
        if status:
            tail = self.log.read_text(errors='replace').splitlines()[-25:]
            raise RuntimeError('\n'.join([
                *tail, f'{self.name}: {tool} ended with {status}; the whole '
                f'output is in {self.log}']))

    def stop(self) -> None:
        """Let the tool end in good order."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def status(self) -> str:
        """Where the run is, by the last lines of its log."""
        if not self.log.is_file():
            return 'starting'
        text = self.log.read_bytes()[-4000:].decode(errors='replace')
        found = re.findall(
            r'Epoch\((\w+)\)\s*(?:\[(\d+)\])?\[\s*(\d+)/(\d+)\]', text)
        if not found:
            return 'starting'
        mode, epoch, step, steps = found[-1]
        part = f'epoch {epoch}, {step}/{steps}' if mode == 'train' else (
            f'{step}/{steps}')
        return f'{mode} {part}'


class Start(Run):
    """The detector that all models start from; it is not tested."""

    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__('pretrain', 0, args)
        self.name, self.dir = 'pretrain', args.work_dir / 'pretrain'
        self.log = self.dir / 'output.log'
        self.trained = self.dir / 'trained.json'
        self.data_root, self.start = args.clear_root, None

    @property
    def done(self) -> bool:
        return self.trained.is_file()

    def _test(self, split: str) -> None:
        """Nothing: only its weights are of interest."""


def write_whole(path: Path, text: str) -> None:
    partial = path.with_suffix('.partial')
    partial.write_text(text)
    os.replace(partial, path)


def show_status(runs: list[Run], futures: list[Future],
                stopped: threading.Event) -> None:
    """A line every few seconds, until all is done."""
    begin = time.monotonic()
    while not stopped.wait(STATUS_SECONDS):
        seconds = int(time.monotonic() - begin)
        finished = sum(future.done() for future in futures)
        active = ' · '.join(
            f'{run.name}: {run.status()}'
            for run, future in zip(runs, futures, strict=True)
            if future.running() and run.dir.is_dir())
        print(f'[{seconds // 60}:{seconds % 60:02d}] {finished}/{len(runs)} '
              f'models done · {active}', flush=True)


def train_all(runs: list[Run], jobs: int) -> None:
    """Execute runs in order, ``jobs`` at a time."""
    futures: list[Future] = []
    teachers: dict[int, Future] = {}
    stopped = threading.Event()
    pool = cf.ThreadPoolExecutor(jobs)
    try:
        for run in runs:
            before = futures[:1]
            if run.model in STUDENTS:
                before = [teachers[run.seed]]
            futures.append(pool.submit(run.execute, before))
            if run.model == 'teacher':
                teachers[run.seed] = futures[-1]
        threading.Thread(target=show_status, args=(runs, futures, stopped),
                         daemon=True).start()
        for future in cf.wait(futures, return_when='FIRST_EXCEPTION').done:
            future.result()
    finally:
        stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)
        for run in runs:
            run.stop()


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seeds', type=int, default=5,
                        help='number of seeds (default: %(default)s)')
    parser.add_argument('--work-dir', type=Path,
                        default=Path('work_dirs/gap_recovered'))
    parser.add_argument('--data-root', type=Path,
                        default=Path('data/stf_synthetic'))
    parser.add_argument('--clear-root', type=Path,
                        default=Path('data/stf_synthetic_clear'),
                        help='frames without fog, for the common start')
    parser.add_argument('--jobs', type=int, default=min(4, os.cpu_count()
                                                        or 1),
                        help='models at a time (default: %(default)s)')
    args = parser.parse_args()
    for root in (args.data_root, args.clear_root):
        if not (root / 'annotations/train.json').is_file():
            parser.error(f'{root}: no converted data set; '
                         'demo/quickstart.sh makes one')
    args.work_dir = args.work_dir.resolve()
    args.data_root = args.data_root.resolve()
    args.clear_root = args.clear_root.resolve()
    args.start = None
    return args


def main() -> None:
    args = parse_args()
    args.start = Start(args)
    runs = [args.start] + [Run(model, seed, args)
                           for seed in range(args.seeds) for model in MODELS]
    train_all(runs, args.jobs)
    subprocess.run([sys.executable,
                    ROOT / 'tools/analysis_tools/gap_report.py',
                    args.work_dir, args.data_root], check=True)


if __name__ == '__main__':
    try:
        main()
    except RuntimeError as error:
        sys.exit(str(error))
