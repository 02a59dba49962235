"""All recorders of one model, and when they listen."""
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import nn

from mmxkd.errors import ConfigError

from .hook_points import ALL_CALLS, HookPoint
from .recorders import Recorder, RecordError, StopForward, tensors_in


class Tape:
    """All recorders of one model.

    Args:
        model (nn.Module): The student or a teacher.
        name (str): Its name in messages.
    """

    def __init__(self, model: nn.Module, name: str) -> None:
        self.name = name
        self.listening = False
        self.recorders: dict[tuple[str, str], Recorder] = {}
        self.points: list[HookPoint] = []
        self._stop_when_full = False
        self._open_parts: set[str] = set()
        self._model = model

    def add(self, point: HookPoint) -> None:
        """Listen to the layer of an address."""
        self.points.append(point)
        key = (point.path, point.source)
        if key not in self.recorders:
            module = self._model.get_submodule(point.path)
            self.recorders[key] = Recorder(module, *key, tape=self)

    def _wanted(self, recorder: Recorder) -> int | None:
        """How many calls must be seen before a pass may stop."""
        wanted = 0
        for point in self.points:
            if (point.path, point.source) != (recorder.path, recorder.source):
                continue
            if point.call is None:
                wanted = max(wanted, 1)
            elif isinstance(point.call, int):
                wanted = max(wanted, point.call + 1)
            elif point.call == ALL_CALLS or point.call.stop is None:
                if recorder.calls is None:
                    return None
                wanted = max(wanted, recorder.calls)
            else:
                wanted = max(wanted, point.call.stop)
        return wanted

    @property
    def full(self) -> bool:
        """Whether every address has been recorded."""
        for recorder in self.recorders.values():
            wanted = self._wanted(recorder)
            if wanted is None or len(recorder.records) < wanted:
                return False
        return True

    def recorded(self) -> None:
        """Called by a recorder; ends the pass when nothing is missing."""
        if self._stop_when_full and self.full and not self._open_parts:
            raise StopForward

    def _watch_parts(self) -> list[Any]:
        """Hooks on the parts of the model with layers new to the tape.

        A layer may be called again until the part that holds it, say the
        head, is done; only then it is known how often it is called.
        """
        new = [
            r for r in self.recorders.values()
            if r.calls is None and '.' in r.path
        ]
        self._open_parts = {r.path.split('.')[0] for r in new}
        return [
            self._model.get_submodule(part).register_forward_hook(
                partial(self._part_done, part)) for part in self._open_parts
        ]

    def _part_done(self, part: str, *_) -> None:
        for recorder in self.recorders.values():
            if recorder.path.startswith(part + '.') and recorder.records:
                recorder.calls = len(recorder.records)
        self._open_parts.discard(part)
        self.recorded()

    @contextmanager
    def listen(self, stop_when_full: bool = False) -> Iterator[None]:
        """Record everything that runs inside; optionally stop early."""
        self.release()
        for recorder in self.recorders.values():
            recorder.attach(self._model.get_submodule(recorder.path))
        self.listening, self._stop_when_full = True, stop_when_full
        handles = self._watch_parts() if stop_when_full else []
        complete = False
        try:
            yield
            complete = True
        except StopForward:
            pass
        finally:
            self.listening = False
            self._open_parts = set()
            for handle in handles:
                handle.remove()
        if complete:
            for recorder in self.recorders.values():
                self._check_calls(recorder)

    def _check_calls(self, recorder: Recorder) -> None:
        calls = len(recorder.records)
        if recorder.calls is not None and recorder.calls != calls:
            raise RecordError(
                f'{self.name}:{recorder.path} was called {calls} times in '
                f'this step, but {recorder.calls} times before. A layer that '
                'is skipped or repeated at will cannot be distilled; if the '
                'model is compiled, compile it after the hooks were set')
        recorder.calls = calls

    def read(self, point: HookPoint) -> Any:
        """The value at an address, checked.

        Raises:
            RecordError: Nothing was recorded, or it was overwritten.
            ConfigError: The record has no such element.
        """
        recorder = self.recorders[point.path, point.source]
        value = recorder.read(point, self._model)
        if recorder.overwritten():
            raise RecordError(
                f'{self.name}:{point.text}: a later layer has changed this '
                'value in place (an activation with inplace=True?); record '
                'that layer, or let the dry run find it (dry_run=True)')
        if not any(True for _ in tensors_in(value)):
            raise ConfigError(f'hook point {point.text!r} of {self.name!r} '
                              f'holds no tensor but {type(value).__name__}')
        return value

    def calls(self, point: HookPoint) -> list[Any]:
        """What each call of a layer gave in this pass, not picked from."""
        return list(self.recorders[point.path, point.source].records)

    def copy_overwritten(self) -> list[str]:
        """Copy, from now on, the records that this pass has overwritten.

        Returns:
            list[str]: Names of the layers concerned.
        """
        found = []
        for recorder in self.recorders.values():
            if recorder.overwritten():
                recorder.copy_from_now_on()
                found.append(recorder.path)
        return found

    def release(self) -> None:
        """Forget all records."""
        for recorder in self.recorders.values():
            recorder.release()
