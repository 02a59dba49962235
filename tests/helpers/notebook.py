"""Run the cells of a notebook from top to bottom, without Jupyter.

    python -m tests.helpers.notebook demo/distil_fog.ipynb FOLDER

The code cells become one script, which runs in FOLDER in a process of its
own. Its figures are saved as FOLDER/figure_<k>.png where a cell shows them.
"""
import argparse
import os
import subprocess
import sys
from pathlib import Path

import nbformat

REPO = Path(__file__).resolve().parents[2]
# `plt.show()` saves what a notebook would show.
HEAD = '''
import itertools
import matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot
_numbers = itertools.count()
def _show():
    for number in matplotlib.pyplot.get_fignums():
        figure = matplotlib.pyplot.figure(number)
        figure.savefig(f'figure_{next(_numbers)}.png')
        matplotlib.pyplot.close(figure)
matplotlib.pyplot.show = _show
'''


def script_of(path: Path, changes: dict[str, str] | None = None) -> str:
    """The code cells as one script; each is announced by its number.

    Args:
        path (Path): The notebook.
        changes (dict[str, str]): Text that is replaced, e.g. to train less.

    Raises:
        ValueError: Text that is to be replaced is not there, or a cell has
            a line that only IPython knows.
    """
    cells = nbformat.read(path, as_version=4).cells
    parts = [HEAD]
    for i, cell in enumerate(cells):
        if cell.cell_type == 'code':
            if cell.source.lstrip().startswith(('%', '!')):
                raise ValueError(f'{path}: cell {i} is not plain Python')
            parts += [f"print('cell {i}', flush=True)", cell.source]
    script = '\n'.join(parts)
    for old, new in (changes or {}).items():
        if old not in script:
            raise ValueError(f'{path}: no cell has {old!r}')
        script = script.replace(old, new)
    return script


def run(path: Path, folder: Path,
        changes: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """Run a notebook in a folder; its output is captured."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / 'notebook.py'
    script.write_text(script_of(path, changes), encoding='utf-8')
    env = dict(
        os.environ, OMP_NUM_THREADS='1', PYTHONPATH=os.pathsep.join(
            [str(REPO), os.environ.get('PYTHONPATH', '')]))
    return subprocess.run([sys.executable, str(script)], cwd=folder, env=env,
                          capture_output=True, text=True, timeout=600)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('notebook', type=Path)
    parser.add_argument('folder', type=Path)
    args = parser.parse_args()
    done = run(args.notebook, args.folder)
    print(done.stdout + done.stderr)
    sys.exit(done.returncode)


if __name__ == '__main__':
    main()
