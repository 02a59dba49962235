"""One arm with one seed: trained, then tested."""
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmxkd.io.atomic import write_json

from .arm import Arm
from .lock import locked
from .plan import Plan
from .settings import (
    BUILT_UPON,
    compare,
    identity_of,
    settings_of,
    sha256_of,
)
from .step import ALL_OPTIONS, DATA, OPTIONS, OUT, SEED, Step

TRAIN, TEST = 'tools/train.py', 'tools/test.py'


class ToolError(RuntimeError):
    """A tool of the package failed; the message ends with its output."""


class Run:
    """One arm with one seed, in ``WORK_DIR/seed_<k>/<arm>``.

    An arm that all seeds share is in ``WORK_DIR/<arm>`` and has seed 0. What
    is done is not done again, and a training that was stopped goes on from
    its last epoch.

    Args:
        arm (Arm | Step): What to train, or a command to run.
        seed (int): Of initialisation and of the order of the samples.
        plan (Plan): The experiment that it belongs to.
        needs (dict[str, Run]): The runs that it builds upon, by arm.
        num_threads (int): Threads of each process that it starts.

    Attributes:
        gpu (str | None): The one that its processes see; None: as this
            process does.
    """

    def __init__(self, arm: Arm | Step, seed: int, plan: Plan,
                 needs: Mapping[str, 'Run'], num_threads: int = 1) -> None:
        self.arm, self.seed, self.plan = arm, seed, plan
        self.needs, self.num_threads = dict(needs), num_threads
        self.gpu: str | None = None
        self.name = arm.name if arm.shared else f'seed {seed} {arm.name}'
        folder = '' if arm.shared else f'seed_{seed}'
        self.dir = plan.work_dir / folder / arm.name
        self.log = self.dir / 'output.log'
        self.trained = self.dir / 'trained.json'
        self._settings = self.dir / 'settings.json'
        self._process: subprocess.Popen | None = None
        self._stopped = False
        self._log_begin = 0
        # A tool starts in one thread and is stopped from another.
        self._starting = threading.Lock()
        # What keeps the folder locked, for the tools to inherit.
        self._inherited: tuple[int, ...] = ()

    def detections(self, split: str) -> Path:
        """Where the detections in a split go."""
        return self.plan.benchmark.detections(self.dir, split)

    @property
    def missing(self) -> list[str]:
        """The splits that are still to be tested."""
        return [
            split for split in self.plan.splits
            if self.arm.tested and not self.detections(split).exists()
        ]

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        if self.arm.tested:
            return not self.missing
        return self.trained.is_file()

    @property
    def checkpoint(self) -> Path:
        """The best one of an arm that is trained."""
        return self.dir / json.loads(self.trained.read_text())['checkpoint']

    def check_settings(self) -> None:
        """Refuse to go on with what was begun in another way.

        Raises:
            ConfigError: It names what differs.
        """
        if self._settings.is_file():
            before = json.loads(self._settings.read_text())
            compare(self.dir, before, settings_of(self.arm, self.plan),
                    self._built_upon())

    def _built_upon(self) -> dict[str, Any]:
        return {
            name: identity_of(run.trained) for name, run in self.needs.items()
        }

    def execute(self) -> None:
        """Train and test; what it builds upon is done.

        Raises:
            ToolError: Training or testing fails.
            ConfigError: Another process is at work in the folder, or it was
                built upon something that has changed.
        """
        self.check_settings()
        if self.done:
            return
        self.dir.mkdir(parents=True, exist_ok=True)
        with locked(self.dir) as descriptor:
            self._inherited = (descriptor, )
            write_json(self._settings, {
                **settings_of(self.arm, self.plan), BUILT_UPON: self.
                _built_upon()
            })
            begin = time.monotonic()
            if not self.trained.is_file():
                if isinstance(self.arm, Step):
                    self._run_step(self.arm)
                else:
                    self._train(self.arm)
            for split in self.missing:
                self._test(split)
        print(f'{self.name}: done in {time.monotonic() - begin:.0f} s',
              flush=True)

    def output(self, name: str) -> Path:
        """A file that a step has made."""
        assert isinstance(self.arm, Step)
        return self.dir / self.arm.outputs[name]

    def _run_step(self, step: Step) -> None:
        """Run its command; it is done when all outputs are there.

        Raises:
            ToolError: It fails, or does not make what it declares.
        """
        tool, *arguments = step.arguments(self._value)
        self._start([self.plan.root / tool, *arguments], tool)
        missing = [
            file for file in step.outputs.values()
            if not (self.dir / file).is_file()
        ]
        if missing:
            raise ToolError(f'{self.name}: {tool} has not made '
                            f'{", ".join(missing)} in {self.dir}, which '
                            f'outputs declares; its output is in {self.log}')
        write_json(
            self.trained, {
                'outputs': dict(step.outputs), 'sha256': {
                    name: sha256_of(self.dir / file)
                    for name, file in step.outputs.items()
                }
            })

    def _value(self, name: str) -> Any:
        """What a name in the command of a step stands for."""
        owner, _, part = name.partition('.')
        if owner == OUT:
            return self.dir
        if owner == SEED:
            return self.seed
        if owner == DATA:
            return self.plan.data_roots[part]
        other = self.needs[owner]
        if isinstance(other.arm, Step):
            return other.output(part)
        known = {
            'dir': other.dir, 'config': other.arm.config,
            'checkpoint': other.checkpoint,
            OPTIONS: self.plan.cfg_options + other.arm.options,
            ALL_OPTIONS: other.all_options
        }
        return known[part]

    @property
    def all_options(self) -> tuple[str, ...]:
        """What lets the config be trained on, and tested in the last split,
        as this arm is."""
        assert isinstance(self.arm, Arm)
        return (*self._data_options(self.arm),
                *self._test_options(self.plan.splits[-1]),
                *self.plan.cfg_options, *self.arm.options,
                *self._options_of_needs(self.arm))

    def _options_of_needs(self, arm: Arm) -> list[str]:
        # The folder is enough: a teacher is loaded from the best in it.
        options = [
            f'{key}={self.needs[teacher].dir}'
            for teacher, key in arm.taught_by.items()
        ]
        for name, key in arm.reads.items():
            step, _, output = name.partition('.')
            options.append(f'{key}={self.needs[step].output(output)}')
        return options

    def _train(self, arm: Arm) -> None:
        options = self._options_of_needs(arm)
        if arm.starts_from is not None:
            start = self.needs[arm.starts_from]
            options.insert(0, f'load_from={start.checkpoint}')
        self._call(TRAIN, [arm.config], options, '--resume', '--seed',
                   self.seed, '--work-dir', self.dir)
        best = sorted(self.dir.glob('best_*.pth'))
        if len(best) != 1:
            raise ToolError(f'{self.dir}: expected one best_*.pth, found '
                            f'{len(best)}')
        write_json(self.trained,
                   {'checkpoint': best[0].name, 'sha256': sha256_of(best[0])})

    def _test(self, split: str) -> None:
        assert isinstance(self.arm, Arm)
        part = self.dir / f'{split}.part'
        self._call(TEST, [self.arm.config, self.checkpoint],
                   self._test_options(split), '--out', part, '--work-dir',
                   self.dir / f'eval_{split}')
        self.plan.benchmark.collect(part, self.detections(split))

    def _test_options(self, split: str) -> list[str]:
        name = self.plan.benchmark.annotations(split)
        return [
            f'test_dataloader.dataset.ann_file={name}',
            *self.plan.benchmark.test_options(self.plan.tested_on / name)
        ]

    def _call(self, tool: str, positional: list, options: list[str],
              *arguments) -> None:
        """Run a tool that takes the config of an arm."""
        assert isinstance(self.arm, Arm)
        self._start([
            self.plan.root / tool, *positional, *arguments, '--cfg-options',
            *self._data_options(self.arm), *self.plan.cfg_options,
            *self.arm.options, *options
        ], tool)

    def _start(self, command: list, tool: str) -> None:
        """Run a Python file with arguments; its output goes to a log.

        Raises:
            ToolError: It fails; the end of its output is in the message.
        """
        with open(self.log, 'ab') as log, self._starting:
            if self._stopped:
                raise ToolError(f'{self.name}: stopped')
            self._log_begin = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, *map(str, command)], stdout=log,
                stderr=subprocess.STDOUT, pass_fds=self._inherited,
                env=self._environment())
        status = self._process.wait()
        if status:
            tail = self.log.read_text(errors='replace').splitlines()[-25:]
            raise ToolError('\n'.join([
                *tail, f'{self.name}: {tool} ended with {status}; the whole '
                f'output is in {self.log}'
            ]))

    def _environment(self) -> dict[str, str]:
        changes = dict(OMP_NUM_THREADS=str(self.num_threads))
        if self.gpu is not None:
            changes['CUDA_VISIBLE_DEVICES'] = self.gpu
        return {**os.environ, **changes}

    def _data_options(self, arm: Arm) -> list[str]:
        roots = dict.fromkeys(arm.datasets, arm.data_root)
        roots['val_dataloader.dataset'] = arm.data_root
        roots['test_dataloader.dataset'] = self.plan.tested_on
        options = [f'{key}.data_root={root}/' for key, root in roots.items()]
        benchmark = self.plan.benchmark
        options += benchmark.val_options(arm.data_root
                                         / benchmark.annotations('val'))
        # What is the default, the config may say in another way.
        if arm.ann_file != benchmark.annotations('train'):
            options.append(f'{arm.datasets[0]}.ann_file={arm.ann_file}')
        return options

    def stop(self) -> None:
        """Let the tool end in good order, and start no other one."""
        with self._starting:
            self._stopped = True
            if self._process is not None:
                self._process.terminate()

    def status(self) -> str:
        """Where the run is, by the last lines that its tool has logged."""
        if not self.log.is_file():
            return 'starting'
        text = self.log.read_bytes()[self._log_begin:][-4000:].decode(
            errors='replace')
        found = re.findall(
            r'Epoch\((\w+)\)\s*(?:\[(\d+)\])?\[\s*(\d+)/(\d+)\]', text)
        if not found:
            return 'starting'
        mode, epoch, step, steps = found[-1]
        part = f'epoch {epoch}, {step}/{steps}' if mode == 'train' else (
            f'{step}/{steps}')
        return f'{mode} {part}'


def build_runs(plan: Plan, num_threads: int = 1) -> list[Run]:
    """All runs of an experiment, each after those that it needs.

    Raises:
        ConfigError: Some were begun with other settings.
    """
    shared: dict[str, Run] = {}
    runs: list[Run] = []
    for arm in plan.arms.values():
        if arm.shared:
            needs = {name: shared[name] for name in arm.needs}
            shared[arm.name] = Run(arm, 0, plan, needs, num_threads)
    runs += shared.values()
    for seed in plan.seeds:
        known = dict(shared)
        for arm in plan.arms.values():
            if not arm.shared:
                needs = {name: known[name] for name in arm.needs}
                known[arm.name] = Run(arm, seed, plan, needs, num_threads)
                runs.append(known[arm.name])
    for run in runs:
        run.check_settings()
    return runs
