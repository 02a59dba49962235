"""What is counted of tracks, and the ratios of it."""
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class TrackingCounts:
    """Counts of one or more sequences; those of several are added.

    Attributes:
        frames: Frames, also those where nothing is.
        objects: True boxes of all frames.
        predictions: Predicted boxes of all frames.
        unique_objects: True tracks.
        matches: Pairs in which an object keeps its predicted track.
        switches: Pairs in which it changes it.
        fragmentations: How often an object is lost and found again.
        false_positives: Predictions without an object.
        misses: Objects without a prediction.
        mostly_tracked: Objects that are paired in 80 % of their frames or
            more.
        partially_tracked: In 20 % or more, but less than 80 %.
        mostly_lost: In less than 20 %.
        identified: Boxes that are right, if each predicted track stands for
            one object throughout.
        distance: Sum of 1 - IoU of all pairs.
    """

    frames: int
    objects: int
    predictions: int
    unique_objects: int
    matches: int
    switches: int
    fragmentations: int
    false_positives: int
    misses: int
    mostly_tracked: int
    partially_tracked: int
    mostly_lost: int
    identified: int
    distance: float

    def __add__(self, other: 'TrackingCounts') -> 'TrackingCounts':
        return TrackingCounts(*(getattr(self, f.name) + getattr(other, f.name)
                                for f in fields(self)))

    @property
    def mota(self) -> float:
        """1 minus all errors per object; at most 1, below 0 if many are."""
        errors = self.misses + self.switches + self.false_positives
        return 1 - _ratio(errors, self.objects)

    @property
    def motp(self) -> float:
        """Mean of 1 - IoU over the pairs, 0 to 1; less is better."""
        return _ratio(self.distance, self.matches + self.switches)

    @property
    def idf1(self) -> float:
        """Share of identified boxes, 0 to 1; harmonic mean of the next."""
        return _ratio(2 * self.identified, self.objects + self.predictions)

    @property
    def idp(self) -> float:
        """Share of the predictions that are identified."""
        return _ratio(self.identified, self.predictions)

    @property
    def idr(self) -> float:
        """Share of the objects that are identified."""
        return _ratio(self.identified, self.objects)


def _ratio(part: float, whole: float) -> float:
    """NaN where there is nothing to take a part of."""
    return part / whole if whole else float('nan')
