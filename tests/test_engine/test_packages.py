"""Packages that only some tools need."""
import sys

import pytest

from mmxkd.engine.packages import EXPORT, PRUNING, check_installed
from mmxkd.errors import ConfigError
from tests.helpers.commands import load_tool


def test_lacking_ones_are_named_with_the_command(monkeypatch):
    check_installed('this', dict(json='json'))
    for module in ('onnx', 'onnxruntime', 'torch_pruning'):
        # As if it were not there.
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(EXPORT, 'onnxscript', 'json')
    with pytest.raises(
            ConfigError,
            match=(r"this needs onnx.*onnxruntime.*: bash .*--with compress")):
        check_installed('this', EXPORT)
    with pytest.raises(ConfigError, match='this needs torch-pruning, not ins'):
        check_installed('this', PRUNING)


@pytest.mark.parametrize('name, arguments', [
    ('export_onnx', ('x.onnx', )),
    ('compress', ('--int8', '--out', 'folder')),
])
def test_tools_say_so_before_they_do_anything(repo, tmp_path, monkeypatch,
                                              name, arguments):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    config = str(repo / 'configs/ssd_kd/mb2-ssdlite_voc_tiny.py')
    monkeypatch.setattr('sys.argv', [name, config, config, *arguments])
    with pytest.raises(ConfigError, match=f'tools/{name}.py needs .*onnxrunt'):
        load_tool(repo / f'tools/{name}.py').main()
    assert not list(tmp_path.iterdir())
