"""Two test files of one name cannot be collected together."""
from collections import Counter
from pathlib import Path


def test_names_are_unique():
    names = Counter(path.name
                    for path in Path(__file__).parent.rglob('test_*.py'))
    assert [name for name, count in names.items() if count > 1] == []
