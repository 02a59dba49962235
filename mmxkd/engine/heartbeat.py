"""Where each process of a distributed run stands, for all of them to read."""
import json
import os
import time
from pathlib import Path

_SIZE = 2048


class Heartbeat:
    """One small file per process, overwritten in place at every step.

    Another process can read it when this one hangs or was killed. The
    processes take the same steps, so the one with the fewest is the one
    that the others wait for.

    Args:
        folder (str | Path): The same for all processes.
        rank (int): Of this process.
        world_size (int): Number of processes.
    """

    def __init__(self, folder: str | Path, rank: int, world_size: int) -> None:
        self.folder, self.rank = Path(folder), rank
        self.world_size = world_size
        self.folder.mkdir(parents=True, exist_ok=True)
        self.steps = 0
        self.last = time.monotonic()
        self._file = os.open(self._path(rank), os.O_RDWR | os.O_CREAT)

    def _path(self, rank: int) -> Path:
        return self.folder / f'rank_{rank}.heartbeat'

    def beat(self, doing: str, samples: list[str]) -> None:
        """Say what this process does from now on.

        Args:
            doing (str): E.g. ``'forward of iteration 7'``.
            samples (list[str]): Of its batch.
        """
        self.steps += 1
        self.last = time.monotonic()
        shown = ', '.join(samples)[:_SIZE // 4]
        record = json.dumps([self.steps, time.time(), doing, shown])
        os.pwrite(self._file, record.ljust(_SIZE).encode(), 0)

    def report(self) -> str:
        """One line per process; it marks those that are behind."""
        records = [self._read(rank) for rank in range(self.world_size)]
        fewest = min(r[0] for r in records)
        ahead = any(r[0] > fewest for r in records)
        lines = []
        for rank, (steps, at, doing, samples) in enumerate(records):
            behind = ahead and steps == fewest
            lines.append(f'rank {rank}: {doing}, for {time.time() - at:.0f} s'
                         f'; samples: {samples or "none"}'
                         + ' <- the others wait for it' * behind)
        return '\n'.join(lines)

    def _read(self, rank: int) -> tuple[int, float, str, str]:
        path = self._path(rank)
        text = path.read_text().strip() if path.is_file() else ''
        if not text:
            return 0, time.time(), 'not started', ''
        steps, at, doing, samples = json.loads(text)
        return steps, at, doing, samples

    def close(self) -> None:
        """Remove the file of this process."""
        os.close(self._file)
        self._path(self.rank).unlink(missing_ok=True)
