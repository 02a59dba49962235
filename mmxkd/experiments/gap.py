"""The share of the gap between teacher and baseline that is recovered."""
import statistics
from collections.abc import Mapping


def gap_recovered(student: Mapping[int, float], baseline: Mapping[int, float],
                  teacher: Mapping[int, float]) -> dict[int, float] | None:
    """(student - baseline) / (teacher - baseline), in percent, per seed.

    Args:
        student, baseline, teacher (dict[int, float]): Scores by seed.

    Returns:
        dict[int, float] | None: None where a teacher is not better than the
        baseline of its seed: there is no gap.

    Examples:
        >>> gap_recovered({0: 25.}, {0: 20.}, {0: 40.})
        {0: 25.0}
    """
    if any(teacher[seed] <= baseline[seed] for seed in student):
        return None
    return {
        seed: 100 * (score - baseline[seed]) / (teacher[seed] - baseline[seed])
        for seed, score in student.items()
    }


def spread(values: Mapping[int, float] | None, digits: int = 1,
           unit: str = '') -> str:
    """Mean ± standard deviation (n - 1); a single value stands alone.

    Examples:
        >>> spread({0: 1.0, 1: 3.0})
        '2.0 ± 1.4'
    """
    if values is None:
        return 'no gap'
    numbers = list(values.values())
    text = f'{statistics.mean(numbers):.{digits}f}'
    if len(numbers) > 1:
        text += f' ± {statistics.stdev(numbers):.{digits}f}'
    return text + unit
