"""Label frames, kill the process ten times on the way, and compare the file.

    python -m tests.helpers.label_kill FOLDER

The moments: after a batch, within a line of the journal, before and after the
file of labels gets its name, while the progress is removed. It prints what
was killed, and fails where the file differs by a byte from that of a run
which nobody killed.
"""
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config

from mmxkd.engine.labelling.labeller import Request, label
from mmxkd.engine.labelling.teachers import Teacher
from mmxkd.io.journal import Journal
from tests.helpers.blobs import DATA, VAL, write_frames, write_teacher

#: What kills: the number of a batch, counted in one process, or a moment.
MOMENTS = ('batch 1', 'torn 1', 'torn 2', 'batch 2', 'batch 1', 'torn 1',
           'batch 1', 'rename', 'rename', 'renamed', 'remove')


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(moment: str, out: Path) -> None:
    """Let this process die at a moment."""
    add, replace, unlink = Journal.add, os.replace, Path.unlink
    kind, _, number = moment.partition(' ')
    count = 0

    def dying_add(self, *args):
        nonlocal count
        count += 1
        if (kind, str(count)) == ('torn', number):
            size = self.path.stat().st_size if self.path.exists() else 0
            add(self, *args)
            os.truncate(self.path, (size + self.path.stat().st_size) // 2)
            die()
        result = add(self, *args)
        if (kind, str(count)) == ('batch', number):
            die()
        return result

    def dying_replace(source, target):
        if kind == 'rename' and Path(target) == out:
            die()
        replace(source, target)
        if kind == 'renamed' and Path(target) == out:
            die()

    def dying_unlink(self, *args, **kwargs):
        if kind == 'remove' and self.name.startswith('detections'):
            die()
        unlink(self, *args, **kwargs)

    Journal.add, os.replace = dying_add, dying_replace
    Path.unlink = dying_unlink


def forked(function: Callable[[], None]) -> int:
    """The exit code of a function in a process of its own; -9: killed."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            function()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run(root: Path, out: Path, moment: str = '') -> int:
    """Label in a process of its own, that dies at a moment."""

    def labelling() -> None:
        arm(moment, out)
        config = Config.fromfile(root / 'teacher.py')
        label(
            Request([Teacher(config, str(root / 'teacher.pth'))], out,
                    ann='data.json'))

    return forked(labelling)


def prepare(root: Path) -> None:
    """Frames and a teacher."""
    write_frames(root, 'val', VAL)
    write_frames(root, 'data', DATA * 4, labelled=False)
    write_teacher(root)


def main() -> None:
    root = Path(sys.argv[1]).resolve()
    root.mkdir(parents=True, exist_ok=True)
    prepare(root)
    whole, out = root / 'whole.json', root / 'killed.json'
    if run(root, whole):
        sys.exit('error: the run that nobody kills failed')
    kills = 0
    for moment in MOMENTS:
        code = run(root, out, moment)
        print(f'{moment}: exit code {code}')
        kills += code == -signal.SIGKILL
        if moment == 'renamed':
            # Whole already: from here on another one is written.
            shutil.copy(out, root / 'first.json')
            out.unlink()
    if run(root, out):
        sys.exit('error: the last run failed')
    files = [root / 'first.json', out]
    same = [path.read_bytes() == whole.read_bytes() for path in files]
    left = list(root.glob('*.progress')) + list(root.glob('*.partial'))
    print(f'killed {kills} times; same bytes: {same}; left: {left}')
    sys.exit(kills < 10 or not all(same) or bool(left))


if __name__ == '__main__':
    main()
