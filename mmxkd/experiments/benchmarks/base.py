"""What an experiment measures: where truth and detections lie, and a score."""
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

#: Scores in percent, by the column that they have in a report.
Columns = Mapping[str, float]


class Benchmark(ABC):
    """One way to score the detections of a split.

    Attributes:
        score (str): What a report calls the number.
        unit (str): What the number is, a sentence of a report.
        pictures (bool): Whether detections are COCO results, which reports
            draw.
    """
    score: str
    unit: str
    pictures = False

    @abstractmethod
    def annotations(self, split: str) -> str:
        """The file of a split, in the data root."""

    @abstractmethod
    def detections(self, folder: Path, split: str) -> Path:
        """Where a run keeps its detections."""

    def val_options(self, file: Path) -> list[str]:
        """What lets a config validate against a file."""
        return [f'val_evaluator.ann_file={file}']

    def test_options(self, file: Path) -> list[str]:
        """What lets a config be tested against the file of a split."""
        return [f'test_evaluator.ann_file={file}']

    @abstractmethod
    def collect(self, out: Path, kept: Path) -> None:
        """Move what ``tools/test.py --out OUT`` has written, at once."""

    @abstractmethod
    def scores(self, truth: Path, split: str,
               detections: list[Path]) -> list[Columns]:
        """Of each of several detections of one split.

        Args:
            truth (Path): The file of the split.
            split (str): Its name, for the columns.
            detections (list[Path]): Of several runs.
        """
