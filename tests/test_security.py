"""No code is run from data: what may not stand in this package."""
import ast
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
FILES = sorted(path for folder in ('mmxkd', 'tools', 'demo', 'benchmarks')
               for path in (REPO / folder).rglob('*.py'))
#: Modules whose readers run code; names that only describe errors are fine.
MODULES = {
    'pickle', 'cPickle', 'dill', 'cloudpickle', 'joblib', 'marshal', 'shelve'
}
HARMLESS = {'UnpicklingError', 'PicklingError', 'PickleError'}


def faults(source: str) -> list[str]:
    """What a file does that it may not, as ``line: reason``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        reason = None
        if isinstance(node, ast.Import):
            if {a.name.split('.')[0] for a in node.names} & MODULES:
                reason = 'imports a module that runs code from data'
        elif isinstance(node, ast.ImportFrom):
            if (node.module or '').split(
                    '.')[0] in MODULES and {a.name
                                            for a in node.names} - HARMLESS:
                reason = 'imports a reader that runs code from data'
        elif isinstance(node, ast.Call):
            reason = _fault_of_call(node)
        if reason:
            found.append(f'{node.lineno}: {reason}')
    return found


def _fault_of_call(node: ast.Call) -> str | None:
    name = ast.unparse(node.func)
    options = {k.arg: k.value for k in node.keywords}

    def is_true(key):
        value = options.get(key)
        return isinstance(value, ast.Constant) and value.value is True

    if name in ('eval', 'exec', 'compile', 'builtins.eval', 'builtins.exec',
                'os.system', 'os.popen'):
        return f'calls {name}'
    if name == 'torch.load' and not is_true('weights_only'):
        return 'torch.load without weights_only=True'
    if name.endswith(
            'load_state_dict_from_url') and not is_true('weights_only'):
        return 'load_state_dict_from_url without weights_only=True'
    if name in ('yaml.load', 'yaml.unsafe_load', 'yaml.full_load',
                'yaml.load_all'):
        return 'yaml without safe_load'
    if 'allow_pickle' in options and not _is_false(options['allow_pickle']):
        return 'allow_pickle'
    if 'shell' in options and not _is_false(options['shell']):
        return 'a shell'
    return None


def _is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


@pytest.mark.parametrize('path', FILES,
                         ids=[str(p.relative_to(REPO)) for p in FILES])
def test_no_code_from_data(path):
    assert faults(path.read_text()) == []


@pytest.mark.parametrize('source', [
    'import pickle', 'from pickle import loads', 'import dill as d',
    'eval("1")', 'exec(x)', 'torch.load(f)', 'torch.load(f, None, pickle)',
    'torch.load(f, weights_only=False)', 'torch.load(f, weights_only=flag)',
    'yaml.load(f)', 'np.load(f, allow_pickle=True)',
    'np.load(f, allow_pickle=flag)', 'run("ls", shell=True)',
    'os.system("ls")', 'torch.hub.load_state_dict_from_url(u)'
])
def test_the_test_itself_finds_them(source):
    assert len(faults(source)) == 1


@pytest.mark.parametrize('source', [
    'from pickle import UnpicklingError', 'torch.load(f, weights_only=True)',
    'np.load(f, allow_pickle=False)', 'model.eval()', 're.compile("a")',
    'yaml.safe_load(f)', 'run(["ls"], shell=False)'
])
def test_and_nothing_else(source):
    assert faults(source) == []
