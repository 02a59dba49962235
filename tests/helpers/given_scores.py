"""A metric whose scores a test gives."""
from mmengine.evaluator import BaseMetric


class Score(BaseMetric):
    """Yields the scores it was given, one per validation."""

    def __init__(self, scores) -> None:
        super().__init__()
        self.scores = iter(scores)

    def process(self, data_batch, data_samples) -> None:
        self.results.append(0)

    def compute_metrics(self, results) -> dict:
        return dict(score=next(self.scores))
