"""docs/add_to_your_project.md, followed word for word in a new folder."""
import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.forked import Done, main_of, run_forked
from tests.helpers.pages import REPO, fenced, files_of
from tests.helpers.tiny_run import write_data

pytestmark = pytest.mark.slow

PAGE = REPO / 'docs/add_to_your_project.md'
FILES = files_of(PAGE)
COMMANDS = [
    line for block in fenced(PAGE, 'bash')
    for line in block.replace('\\\n', ' ').splitlines() if line.strip()
]
#: Lines at the end of the project's own configs: small models and pictures.
SMALL = {
    'student.py': '''
model['backbone'].update(base_channels=8)
model['neck'].update(in_channels=[8, 16, 32, 64], out_channels=16)
model['bbox_head'].update(in_channels=16, feat_channels=16, stacked_convs=1)
model['test_cfg'] = dict(score_thr=0.0, nms_pre=50, max_per_img=10)
resize = dict(type='Resize', scale=(64, 64))
train_dataloader.update(batch_size=4, num_workers=0, persistent_workers=False)
train_dataloader['dataset']['pipeline'] = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True), resize,
    dict(type='RandomFlip', prob=0.5), dict(type='PackDetInputs')]
for loader in (val_dataloader, test_dataloader):
    loader.update(num_workers=0, persistent_workers=False)
    loader['dataset']['pipeline'] = [
        dict(type='LoadImageFromFile'), resize,
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='PackDetInputs', meta_keys=(
            'img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))]
train_cfg = dict(max_epochs=2)
''', 'teacher.py': '''
model['neck'].update(in_channels=[32, 64, 128, 256], out_channels=24)
model['bbox_head'] = dict(in_channels=24)
'''
}


class Project:
    """A folder with the project, in which commands of the page run."""

    def __init__(self, root: Path) -> None:
        self.root, self.log = root, root / 'commands.log'
        self.variables = dict(MMXKD=str(REPO), PYTHONPATH='.')

    def words(self, line: str) -> list[str]:
        """As a shell would give them to a command."""
        found = []
        for word in shlex.split(line):
            word = word.replace('$MMXKD', self.variables['MMXKD'])
            matches = glob.glob(str(self.root / word)) if '*' in word else []
            found += [os.path.relpath(m, self.root) for m in matches] or [word]
        return found

    def fresh(self, line: str) -> str:
        """Run it in a new interpreter; return what it prints.

        This package is installed there as ``pip install -e`` would, and is
        imported only where a config or the script asks for it.
        """
        words = self.words(line)
        assert words[0] == 'python'
        path = os.pathsep.join([self.variables['PYTHONPATH'], str(REPO)])
        done = subprocess.run([sys.executable, *words[1:]], cwd=self.root,
                              env=dict(os.environ, PYTHONPATH=path,
                                       OMP_NUM_THREADS='1'),
                              capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def forked(self, line: str) -> str:
        """Run it in a fork, which need not import everything again."""
        words = self.words(line)
        script = main_of(self.root / words[1], *words[2:])

        def run() -> None:
            sys.path.insert(0, str(self.root))
            script()

        done: Done = run_forked(run, self.log, timeout=300, cwd=self.root)
        assert done.code == 0, done.output
        return done.output


def shown(*parts: str) -> str:
    """The one command of the page that has these words, in order."""
    found = [
        line for line in COMMANDS
        if re.search('.*'.join(map(re.escape, parts)) + '$', line)
    ]
    assert len(found) == 1, (parts, found)
    return found[0]


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """From nothing to a tested student, by the commands of the page."""
    import mmdet.apis

    import mmxkd.distillation
    import mmxkd.engine  # noqa: F401
    root = tmp_path_factory.mktemp('own') / 'project'
    write_data(root / 'data')
    for name, text in FILES.items():
        (root / name).write_text(text + SMALL.get(name, ''))
    stock = Path(mmdet.__file__).parent / '.mim/tools'
    (root / 'tools').mkdir()
    for name in ('train.py', 'test.py'):
        shutil.copy(stock / name, root / 'tools')
    project = Project(root)
    # No line of this project or of mmdet's tools imports mmxkd here.
    project.teacher = project.fresh(shown('python tools/train.py teacher.py'))
    project.trained = project.forked(
        shown('$MMXKD/tools/train.py distilled.py'))
    project.tested = project.forked(shown('$MMXKD/tools/test.py',
                                          'best_*.pth'))
    project.best = next(root.glob('work_dirs/distilled/best_*.pth'))
    return project


def score(text: str) -> str:
    return re.findall(r'coco/bbox_mAP: (\S+)', text)[-1]


def test_at_most_fifteen_commands_and_lines():
    main = next(block for block in fenced(PAGE, 'bash')
                if 'pip install' in block).strip().splitlines()
    added = [
        line for line in FILES['distilled.py'].splitlines()
        if line.strip() and not line.startswith('#')
    ]
    assert COMMANDS[:len(main)] == main
    assert len(main) + len(added) <= 15
    assert main[0] == 'export PYTHONPATH=. MMXKD=../mmxkd'
    assert main[1] == 'pip install -e $MMXKD'


def test_the_students_score_is_that_of_training(project):
    """Which counts for something: it is that of the weights in the file."""
    # In a path it may well be.
    assert not re.search(r'\bmmxkd\b(?!/)', project.teacher)
    assert 'teacher \'big\'' in project.trained
    saved = float(score(project.tested))
    in_training = re.findall(r'coco/bbox_mAP: (\S+)', project.trained)
    assert f'{saved:.4f}' in in_training


def test_own_modules_are_imported_beside_ours(project):
    """``custom_imports`` holds both, and the student is the project's."""
    from mmengine.config import Config
    folder = project.root / 'work_dirs/distilled'
    cfg, tested = (Config.fromfile(folder / name, import_custom_modules=False)
                   for name in ('distilled.py', 'distilled.student.py'))
    assert cfg.custom_imports.imports == ['my_parts', 'mmxkd']
    assert cfg.model.student.neck.type == 'MyNeck'
    assert cfg.train_dataloader.dataset.type == 'MyDataset'
    # Testing leaves the dump of the distillation.
    assert tested.model == cfg.model.student


def test_an_import_that_replaces_the_own_one_is_explained(project):
    path = project.root / 'replaced.py'
    line = "custom_imports = dict(imports=['mmxkd'])"
    text = FILES['distilled.py']
    path.write_text(re.sub(r'^custom_imports.*$', line, text, flags=re.M))
    script = main_of(REPO / 'tools/train.py', 'replaced.py')
    done = run_forked(script, project.log, cwd=project.root)
    assert done.code == 1
    assert re.search(r"ConfigError: \S+: there is no type 'MyDataset'",
                     done.output)
    assert 'custom_imports' in done.output.split('ConfigError')[-1]


def test_mmdets_tools_resume_and_test(project):
    """Resumed in a new interpreter, where ``custom_imports`` alone imports
    mmxkd; the plain student is tested without it.
    """
    last = project.root / 'work_dirs/distilled/epoch_2.pth'
    before = torch.load(last, weights_only=True)
    (project.root / 'work_dirs/distilled/last_checkpoint').write_text(
        str(last.with_name('epoch_1.pth')))
    last.unlink()
    text = project.fresh(shown('python tools/train.py distilled.py --resume'))
    assert 'resumed epoch: 1' in text
    after = torch.load(last, weights_only=True)
    assert after['meta']['epoch'] == before['meta']['epoch'] == 2
    assert after['state_dict'].keys() == before['state_dict'].keys()
    distilled = project.forked(
        shown('python tools/test.py distilled.py', 'best_*.pth'))
    plain = project.fresh(
        shown('python tools/test.py student.py', 'best_*.pth'))
    assert score(distilled) == score(plain) == score(project.tested)
    # The warning that the page explains, as it shows it.
    warned = re.search(
        r'do not match exactly\s+unexpected key in source state_dict: (.*)',
        plain)
    names = warned[1].split(', ')
    assert names and all(n.startswith('distiller.') for n in names)
    example = re.search(r'source state_dict: (\S+),', PAGE.read_text())[1]
    assert example in names
    assert 'missing keys' not in plain
    assert 'unexpected key' not in project.tested


def test_export_and_use(project):
    """``use_it.py`` of the page, and mmdet alone with the exported file."""
    for ending in ('.pth', '.safetensors'):
        project.forked(shown('export_student.py', f'student{ending}'))
    lines = project.fresh('python use_it.py').strip().splitlines()
    found = [line.split() for line in lines if 'RetinaNet' in line]
    assert len(found) == 3 and len({tuple(f) for f in found}) == 1
    assert found[0][2] == '10'
    (project.root / 'alone.py').write_text(
        re.sub('.*mmxkd.*', '', FILES['use_it.py']).split('for config')[0]
        + '''
import sys
model = init_detector('student.py', 'student.pth', device='cpu')
DetInferencer('student.py', 'student.pth', device='cpu')
assert 'mmxkd' not in sys.modules and model.dataset_meta['classes']
print(*model.dataset_meta['classes'])
''')
    assert 'box' in project.fresh('python alone.py').splitlines()
    best = torch.load(project.best, weights_only=True)['state_dict']
    plain = torch.load(project.root / 'student.pth',
                       weights_only=True)['state_dict']
    assert any(name.startswith('distiller.') for name in best)
    assert all(torch.equal(value, best[name]) for name, value in plain.items())
    assert {n for n in best if not n.startswith('distiller.')} == set(plain)
    small = (project.root / 'student.pth').stat().st_size
    assert small < project.best.stat().st_size


def test_test_time_augmentation(project):
    """Ours and mmdet's find the same."""
    ours = project.forked(shown('$MMXKD/tools/test.py', '--tta'))
    logs = (project.root / 'work_dirs/distilled').rglob('*.log')
    assert any('DetTTAModel' in log.read_text() for log in logs)
    theirs = project.forked(shown('python tools/test.py', '--tta'))
    assert score(ours) == score(theirs)
    assert np.isfinite(float(score(ours)))
