"""Which samples a data loader was told to load next."""
from collections import deque
from typing import Any

from torch.utils.data import DataLoader


class NextSamples:
    """Notes the indices of each batch that the batch sampler draws.

    Args:
        loader (DataLoader): One with a batch sampler; of another one nothing
            is known.
    """

    def __init__(self, loader: DataLoader) -> None:
        self._dataset: Any = loader.dataset
        # Batches that are being loaded while another one is waited for.
        self._ahead = loader.num_workers * (loader.prefetch_factor or 0)
        self._drawn: deque[list[int]] = deque(maxlen=self._ahead + 1)
        self._sampler: Any = loader.batch_sampler
        if self._sampler is not None:
            self._stock = type(self._sampler)
            self._sampler.__class__ = _noting(self._stock, self._drawn)

    def arrived(self) -> None:
        """The oldest of the batches is there."""
        if self._drawn:
            self._drawn.popleft()

    def report(self) -> str:
        """The indices and, where the dataset tells them, the names."""
        if not self._drawn:
            return ''
        indices = list(self._drawn[0])
        text = ('The next batch of this process has the indices '
                f'{indices} of the dataset')
        names = [self._name(i) for i in indices]
        return text + (f': {", ".join(names)}' if all(names) else '')

    def _name(self, index: int) -> str:
        tell = getattr(self._dataset, 'get_data_info', None)
        info = tell(index) if tell else {}
        for key in ('frame_id', 'img_path', 'img_id', 'sample_idx'):
            if info.get(key) not in (None, ''):
                return str(info[key])
        return ''

    def stop(self) -> None:
        """Let the sampler be what it was."""
        if self._sampler is not None:
            self._sampler.__class__ = self._stock


def _noting(stock: type, drawn: deque) -> type:
    """The class of a batch sampler that notes what it yields."""

    class Noting(stock):

        def __iter__(self):
            drawn.clear()
            for indices in super().__iter__():
                drawn.append(indices)
                yield indices

    Noting.__name__, Noting.__qualname__ = stock.__name__, stock.__qualname__
    return Noting
