"""The examples in the docstrings of the package are right."""
import doctest
import importlib
from pathlib import Path

import pytest

from tests.helpers.stacks import needs

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted('.'.join(path.relative_to(ROOT).with_suffix('').parts)
                 for path in (ROOT / 'mmxkd').rglob('*.py')
                 if '.mim' not in path.parts and '>>> ' in path.read_text())


@pytest.mark.parametrize('name', MODULES)
def test_examples(name):
    if name.startswith('mmxkd.mono3d.'):
        needs('mmdet3d')
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0 and found.failed == 0
