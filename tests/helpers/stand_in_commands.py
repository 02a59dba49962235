"""Shell scripts in the place of a command, for tests of shell scripts."""
import sys
from pathlib import Path


def write_command(path: Path, script: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\n{script}\n')
    path.chmod(0o755)
    return path


def fake_environment(folder: Path, python: str) -> dict[str, str]:
    """A virtual environment whose python is a shell script.

    Args:
        folder (Path): Where the environment is made.
        python (str): The script; ``{python}`` in it is this interpreter.

    Returns:
        dict[str, str]: The environment variables that activate it.
    """
    write_command(folder / 'bin/python',
                  python.replace('{python}', sys.executable))
    return dict(VIRTUAL_ENV=str(folder), PATH='/usr/bin:/bin')
