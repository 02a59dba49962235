"""A repair is applied where its fault is, and nowhere else."""
import importlib.util
import json

import pytest

from mmxkd import compat
from mmxkd.compat.stacks import OPENMMLAB
from tests.helpers.stacks import STACK


def name_of(repair) -> str:
    return repair.__name__.rpartition('.')[2]


@pytest.fixture(scope='module')
def faults(run_python, tmp_path_factory):
    """The faults that are there, by repair: stock and repaired."""
    folder = tmp_path_factory.mktemp('faults')

    def find(name, *options):
        done = run_python('-m', 'tests.helpers.stock_faults', folder / name,
                          *options)
        print(done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    return find('stock'), find('repaired', '--repaired')


def test_every_repair_is_looked_at(faults):
    assert set(faults[0]) == {name_of(repair) for repair in compat.REPAIRS}


@pytest.mark.parametrize('repair', compat.REPAIRS, ids=name_of)
def test_needed_means_that_the_fault_is_there(faults, repair):
    name = name_of(repair)
    if (name == 'mmrazor_import' and STACK == OPENMMLAB
            and not importlib.util.find_spec('mmrazor')):
        pytest.skip('needs mmrazor: bash tools/install.sh --with mmrazor')
    stock, repaired = faults
    assert stock[name] == (STACK in repair.STACKS)
    assert not repaired[name]
