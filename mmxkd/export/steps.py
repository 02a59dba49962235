"""What each step of a compression costs and finds, as one table."""
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmxkd.deploy import OnnxDetector
from mmxkd.engine.model_size import measure
from mmxkd.errors import ConfigError
from mmxkd.io import console

from .int8 import quantize
from .measure import evaluate, latencies
from .onnx_file import RawOutputs, export_onnx
from .recipe import make_recipe


class Steps:
    """The detectors of the table, one ``.onnx`` file each.

    Args:
        out (Path): The folder.
        cfg (Config): With the test set and ``save_best``.

    Raises:
        ConfigError: The config does not say which metric counts.
    """

    def __init__(self, out: Path, cfg: Config) -> None:
        self.out, self.cfg = out, cfg
        self.macs: dict[str, int] = {}
        self.parameters: dict[str, int] = {}
        self.found: dict[str, float] = {}
        hooks = cfg.get('default_hooks') or {}
        self.metric = (hooks.get('checkpoint') or {}).get('save_best')
        if not isinstance(self.metric, str):
            raise ConfigError(
                f'default_hooks.checkpoint.save_best={self.metric!r}: '
                'expected the name of one metric, or auto; the table and the '
                'choice of the trained checkpoint go by it')

    def path(self, name: str) -> Path:
        """Where a step is."""
        return self.out / f'{name.replace(" ", "_")}.onnx'

    def add(self, name: str, model: Any, cfg: Config, classes: tuple) -> None:
        """Measure, export and test a detector."""
        size = make_recipe(model, cfg, classes)['padded']
        raw = RawOutputs(model)
        found = measure(model, lambda: raw(torch.zeros(1, 3, *size)))
        self.macs[name], self.parameters[name] = found.macs, found.parameters
        console.doing(f'exporting: {name}')
        export_onnx(model, cfg, classes, self.path(name))
        self.test(name)

    def add_int8(self, name: str, of: str, pictures: list[str],
                 float_head: bool) -> None:
        """Quantise a step that was added, and test it."""
        console.doing('quantising')
        quantize(str(self.path(of)), self.path(name), pictures, float_head)
        self.macs[name] = self.macs[of]
        self.parameters[name] = self.parameters[of]
        self.test(name)

    def test(self, name: str) -> None:
        """What a step finds; at once, so that a fault stops early.

        Raises:
            ConfigError: The test set has no such metric.
        """
        console.doing(f'testing: {name}')
        found = evaluate(OnnxDetector(str(self.path(name))), self.cfg)
        if self.metric == 'auto':
            # As mmengine understands it.
            self.metric = next(iter(found))
        if self.metric not in found:
            raise ConfigError(
                f'default_hooks.checkpoint.save_best={self.metric!r}: not '
                f'among the metrics of test_evaluator, {sorted(found)}')
        self.found[name] = found[self.metric]

    def rows(self, rounds: int) -> list[dict[str, Any]]:
        """What each has cost and found."""
        console.doing('measuring the latency')
        speed = latencies(
            {name: OnnxDetector(str(self.path(name))) for name in self.macs},
            rounds)
        return [
            dict(step=name, metric=self.metric, value=value,
                 megabytes=self.path(name).stat().st_size / 1e6,
                 macs=self.macs[name], parameters=self.parameters[name],
                 milliseconds=speed[name])
            for name, value in self.found.items()
        ]


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown; shares are of the first row."""
    first = rows[0]
    lines = [
        f'| step | {first["metric"]} | MB | MACs | ms, one thread |',
        '|---|---|---|---|---|'
    ]
    for row in rows:
        change = row['value'] - first['value']
        lines.append(f'| {row["step"]} | {row["value"]:.4f} ({change:+.4f}) '
                     f'| {row["megabytes"]:.2f} '
                     f'(×{row["megabytes"] / first["megabytes"]:.2f}) '
                     f'| {row["macs"] / 1e6:.1f} M '
                     f'(×{row["macs"] / first["macs"]:.2f}) '
                     f'| {row["milliseconds"]:.1f} '
                     f'(×{row["milliseconds"] / first["milliseconds"]:.2f}) |')
    return '\n'.join(lines) + '\n'
