"""The rooms of the package, and who may import whom."""
import io
import tokenize
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.helpers.code_lines import code_lines
from tests.helpers.imports import (
    imports_of,
    module_name,
    module_of,
    package_files,
)

# Each row imports only from rows above it in this list, and from its own room.
ROWS = (
    ('errors', 'registry', 'version', 'deploy'),
    ('io', 'modalities'),
    ('compat', ),
    ('recording', 'formats', 'schedules'),
    ('losses', 'evaluation.functional'),
    ('families', 'evaluation.metrics', 'models', 'engine'),
    ('distillation', 'datasets', 'visualization', 'export', 'compression'),
    ('synthetic', 'mono3d', 'migration'),
    ('experiments', ),
)
# Rooms that do without what costs seconds to import.
NOT_IN = {
    'errors': ('torch', 'mmengine', 'mmcv', 'mmdet', 'numpy'),
    'deploy': ('torch', 'mmengine', 'mmcv', 'mmdet', 'onnx'),
    'io': ('torch', 'mmcv', 'mmdet'),
    'modalities': ('torch', 'mmengine', 'mmcv', 'mmdet'),
    'formats': ('torch', 'mmengine', 'mmcv', 'mmdet'),
    'recording': ('mmengine', 'mmcv', 'mmdet'),
    'losses': ('mmcv', 'mmdet'),
    'evaluation.functional': ('torch', 'mmengine', 'mmcv', 'mmdet'),
    'distillation': ('mmcv', 'mmdet'),
}
# Who may import a package that not everybody has.
ONLY_IN = {
    'mmdet3d': ('families.mmdet3d', 'mono3d'),
    'mmrazor': ('compat', ),
    'onnxruntime': ('deploy', 'export'),
    'onnx': ('export', ),
    'torch_pruning': ('compression', ),
}

FILES = package_files()
MODULES = {module_name(path) for path in FILES}
# Importing the package applies the repairs.
PACKAGE = 'mmxkd'


def room_of(module: str) -> str:
    """``'evaluation.functional'`` of ``mmxkd.evaluation.functional.x``."""
    inside = module.removeprefix(PACKAGE + '.')
    for row in ROWS:
        for room in row:
            if inside == room or inside.startswith(room + '.'):
                return room
    return inside


def row_of(room: str) -> int:
    return next(i for i, row in enumerate(ROWS) if room in row)


def internal_imports(path):
    """Line and module of each import from the package."""
    for line, name in imports_of(path):
        if name.split('.')[0] == PACKAGE:
            yield line, module_of(name, MODULES)


def test_every_module_is_in_a_room():
    rooms = {room for row in ROWS for room in row}
    # The package of the two rooms of evaluation says nothing itself.
    assert {room_of(m) for m in MODULES} - rooms <= {PACKAGE, 'evaluation'}


def test_each_row_imports_only_rows_below_it():
    broken = []
    for path in FILES:
        room = room_of(module_name(path))
        if room in (PACKAGE, 'evaluation'):
            continue
        for line, module in internal_imports(path):
            other = room_of(module)
            if module != PACKAGE and other != room and (row_of(other)
                                                        >= row_of(room)):
                broken.append(f'{path.name}:{line}: {room} imports {module}')
    assert not broken, '\n'.join(broken)


def test_no_module_asks_its_own_package():
    """Which is being imported itself at that time."""
    asked = [
        f'{path.name}:{line}: {name}' for path in FILES
        for line, name in imports_of(path)
        if path.name != '__init__.py' and name not in MODULES
        and name.rpartition('.')[0] == module_name(path).rpartition('.')[0]
    ]
    assert not asked


def test_no_circles():
    graph = {
        module_name(path): {
            module for _, module in internal_imports(path)
            # Importing a module imports its packages, which name their parts.
            if not module_name(path).startswith(module + '.')
        } - {module_name(path)} for path in FILES
    }
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(' → '.join(error.args[1]))


@pytest.mark.parametrize('room', NOT_IN)
def test_light_rooms_stay_light(room):
    heavy = [
        f'{path.name}:{line}: {name}' for path in FILES
        if room_of(module_name(path)) == room
        for line, name in imports_of(path)
        if name.split('.')[0] in NOT_IN[room]
        # The one door for files that are not on a local disk.
        and not (room == 'io' and name.startswith('mmengine.fileio'))
    ]
    assert not heavy


@pytest.mark.parametrize('package', ONLY_IN)
def test_optional_packages_have_one_room(package):
    others = [
        f'{path.name}:{line}' for path in FILES
        if not module_name(path).startswith(
            tuple(f'{PACKAGE}.{room}' for room in ONLY_IN[package]))
        for line, name in imports_of(path) if name.split('.')[0] == package
    ]
    assert not others


def test_the_heart_is_small():
    heart = [
        path for path in FILES if room_of(module_name(path)) == 'distillation'
    ]
    assert 0 < sum(map(code_lines, heart)) <= 1500


def test_the_heart_knows_no_method_and_no_modality():
    """Of the losses it knows what they say of themselves, by three bases."""
    known = {
        f'{PACKAGE}.losses.{name}'
        for name in ('base', 'foreign', 'heads.base')
    }
    strangers = {
        module for path in FILES
        if room_of(module_name(path)) == 'distillation'
        for _, module in internal_imports(path)
        if room_of(module) in ('losses', 'modalities')
    }
    assert strangers <= known


def test_no_other_room_knows_of_mmdet3d():
    """In its code; that an info file has mmdet3d's schema may be said."""
    names = [
        f'{path.name}:{token.start[0]}: {token.string}' for path in FILES
        if not module_name(path).startswith((f'{PACKAGE}.families',
                                             f'{PACKAGE}.mono3d'))
        for token in tokenize.generate_tokens(
            io.StringIO(path.read_text(encoding='utf-8')).readline)
        if token.type == tokenize.NAME and 'mmdet3d' in token.string.lower()
    ]
    assert not names
