"""Packages of the extra ``compress``, before anything needs them."""
from importlib.util import find_spec

from mmxkd.errors import ConfigError

#: Name of the module → name of the package.
EXPORT = dict(onnx='onnx', onnxscript='onnxscript', onnxruntime='onnxruntime')
PRUNING = dict(torch_pruning='torch-pruning')


def check_installed(what: str, modules: dict[str, str]) -> None:
    """Raise where a package is not installed.

    Args:
        what (str): What needs them, for the error.
        modules (dict[str, str]): E.g. :data:`EXPORT`.

    Raises:
        ConfigError: It names the packages, and the command to get them.

    Examples:
        >>> check_installed('this', dict(no_such='no-such'))
        Traceback (most recent call last):
        ...
        mmxkd.errors.ConfigError: this needs no-such, not installed here: \
bash tools/install.sh --with compress
    """
    lacking = [
        package for module, package in modules.items()
        if find_spec(module) is None
    ]
    if lacking:
        raise ConfigError(f'{what} needs {", ".join(lacking)}, not installed '
                          "here: bash tools/install.sh --with compress")
