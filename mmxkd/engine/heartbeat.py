"""Where each process of a distributed run stands, for all of them to read."""
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_SIZE = 2048
_TRIES = 5


@dataclass
class Beat:
    """What one process did last.

    Args:
        place (list[int]): Iteration, and number of beats in it. The smallest
            one is behind.
        at (float): Seconds since the epoch, by the clock of its machine.
        doing (str): E.g. ``'forward of iteration 7'``.
        limited (bool): Whether this has to end within the timeout.
        samples (str): Of its batch.
        seen (bool): False where its file cannot be read from here.
    """
    place: list[int] = field(default_factory=lambda: [0, 0])
    at: float = 0.0
    doing: str = 'not seen from here'
    limited: bool = False
    samples: str = ''
    seen: bool = True


class Heartbeat:
    """One small file per process, overwritten in place at every step.

    Another process can read it when this one hangs or was killed. The
    processes take the same steps, so that the others wait for the one that
    is behind.

    Args:
        folder (str | Path): The same for all processes.
        rank (int): Of this process.
        world_size (int): Number of processes.
    """

    def __init__(self, folder: str | Path, rank: int, world_size: int) -> None:
        self.folder, self.rank = Path(folder), rank
        self.world_size = world_size
        self.folder.mkdir(parents=True, exist_ok=True)
        self._place = [0, 0]
        self._file = os.open(self._path(rank), os.O_RDWR | os.O_CREAT, 0o644)

    def _path(self, rank: int) -> Path:
        return self.folder / f'rank_{rank}.heartbeat'

    def beat(self, doing: str, samples: Sequence[str] = (),
             limited: bool = True, iteration: int = 0) -> None:
        """Say what this process does from now on.

        Args:
            doing (str): E.g. ``'forward of iteration 7'``.
            samples (Sequence[str]): Of its batch; cut where they are long.
            limited (bool): Whether this has to end within the timeout.
            iteration (int): Iterations of training done before.
        """
        if iteration != self._place[0]:
            self._place = [iteration, 0]
        self._place[1] += 1
        shown = ', '.join(samples)[:_SIZE]
        while True:
            record = json.dumps(
                [self._place, time.time(), doing, limited, shown],
                ensure_ascii=False).encode(errors='replace')
            if len(record) <= _SIZE or not shown:
                break
            shown = shown[:len(shown) // 2]
        os.pwrite(self._file, record.ljust(_SIZE), 0)

    def read(self) -> list[Beat]:
        """The last beat of each process."""
        return [self._read(rank) for rank in range(self.world_size)]

    def behind(self, beats: Sequence[Beat]) -> list[int]:
        """Ranks that the others wait for; none where all are at one place."""
        places = [b.place for b in beats]
        first = min(places)
        return [i for i, place in enumerate(places)
                if place == first] if max(places) > first else []

    def report(self) -> str:
        """One line per process; it marks those that are behind."""
        beats, lines = self.read(), []
        behind = self.behind(beats)
        for rank, beat in enumerate(beats):
            line = f'rank {rank}: {beat.doing}'
            if beat.seen:
                line += (f', for {time.time() - beat.at:.0f} s; samples: '
                         f'{beat.samples or "none"}')
                line += ' <- the others wait for it' * (rank in behind)
            lines.append(line)
        return '\n'.join(lines)

    def _read(self, rank: int) -> Beat:
        path = self._path(rank)
        for _ in range(_TRIES):
            text = path.read_bytes() if path.is_file() else b''
            try:
                return Beat(*json.loads(text))
            except ValueError:
                # Not there, not begun, or just being written.
                time.sleep(0.01)
        return Beat(seen=False)

    def close(self) -> None:
        """Remove the file of this process."""
        os.close(self._file)
        self._path(self.rank).unlink(missing_ok=True)
