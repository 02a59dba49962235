"""Break each rule of KITTI's evaluation and see that the tests notice.

    python -m tests.helpers.kitti_mutants [NAME ...]

Each mutant is the package with one line changed, in a temporary folder. The
tests of the evaluation run on it and have to fail; a mutant that survives is
printed, and the exit code is 1.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
PACKAGE = 'mmxkd/evaluation/functional/kitti'
FORMAT = '../../../formats/kitti/'
TESTS = 'tests/test_evaluation/test_functional/test_kitti/test_golden.py'

# Name: file, text that stands there once, what takes its place.
MUTANTS = {
    'height of labels: < instead of <=': ('flags.py',
                                          '<= difficulty.min_height)',
                                          '< difficulty.min_height)'),
    'no neighbour classes': (FORMAT + 'difficulty.py',
                             "{'Car': 'Van', 'Pedestrian': 'Person_sitting'}",
                             '{}'),
    'no DontCare': ('evaluate.py', 'scene.covered <= min_overlap',
                    'scene.covered <= 2'),
    'DontCare in BEV and 3-D': ('evaluate.py',
                                "    if metric == 'bbox':\n        is_false",
                                '    if True:\n        is_false'),
    'DontCare at a constant 0.5': ('evaluate.py',
                                   'scene.covered <= min_overlap',
                                   'scene.covered <= .5'),
    'class before height': ('flags.py',
                            'flags[height < difficulty.min_height]',
                            'flags[own & (height < difficulty.min_height)]'),
    'no height of detections': ('flags.py',
                                'flags[height < difficulty.min_height]',
                                'flags[height < 0]'),
    'thresholds by overlap': ('matching.py',
                              '(pairs.det, -pairs.score, pairs.gt)',
                              '(pairs.det, -pairs.overlap, pairs.gt)'),
    'curves by score': ('matching.py',
                        'np.where(pairs.det_counts, pairs.overlap, 0)',
                        'np.where(pairs.det_counts, pairs.score, 0)'),
    'overlap: >= instead of >': ('evaluate.py', '(found > min_overlap)',
                                 '(found >= min_overlap)'),
    'score: > instead of >=': ('matching.py', "-pairs.score, side='left')",
                               "-pairs.score, side='right')"),
    'AOS: the cosine itself': ('scene.py', '(1 + np.cos(turn)) / 2',
                               'np.cos(turn)'),
    'no envelope': ('curves.py',
                    'np.maximum.accumulate(curves[:, ::-1], axis=1)',
                    'curves[:, ::-1]'),
    'thresholds of multiplied recall': (
        'curves.py', 'wanted += 1 / (SAMPLES - 1)',
        'wanted = len(thresholds) / (SAMPLES - 1)'),
    'one more level of occlusion': (
        'flags.py', 'objects.occluded > difficulty.max_occlusion',
        'objects.occluded > difficulty.max_occlusion + 1'),
    'truncation: >= instead of >': (
        'flags.py', 'objects.truncated > difficulty.max_truncation',
        'objects.truncated >= difficulty.max_truncation'),
    'boxes hang from their location': (
        'overlaps.py', 'np.minimum(bottom_a, bottom_b) - np.maximum(\n'
        '        bottom_a - height_a, bottom_b - height_b)',
        'np.minimum(\n        bottom_a + height_a, bottom_b + height_b)'
        ' - np.maximum(bottom_a, bottom_b)'),
    'yaw turns the other way': ('overlaps.py', '0), objects.rotation_y',
                                '0), -objects.rotation_y'),
    'length and width swapped': ('overlaps.py',
                                 'objects.dimensions[:, [2, 1]]',
                                 'objects.dimensions[:, [1, 2]]'),
    'one more pixel': ('overlaps.py',
                       'np.maximum(boxes[:, axis], others[:, axis])',
                       'np.maximum(boxes[:, axis], others[:, axis]) + 1'),
    'ignored detections first': ('matching.py',
                                 '~pairs.det_counts, pairs.gt))',
                                 'pairs.det_counts, pairs.gt))'),
}


def source(name: str) -> str:
    """The changed file of a mutant.

    Raises:
        ValueError: The text to change does not stand there exactly once.
    """
    file, old, new = MUTANTS[name]
    text = (REPO / PACKAGE / file).read_text()
    if text.count(old) != 1:
        raise ValueError(f'{name}: {file} holds {text.count(old)} times '
                         f'{old!r}, expected once')
    return text.replace(old, new)


def is_killed(name: str, tests: str = TESTS) -> bool:
    """Whether a test fails on the mutant."""
    with tempfile.TemporaryDirectory() as folder:
        # The package alone lies in the folder, so that it is what is tested.
        shutil.copytree(REPO / 'mmxkd', Path(folder, 'mmxkd'),
                        ignore=shutil.ignore_patterns('__pycache__'))
        Path(folder, PACKAGE, MUTANTS[name][0]).write_text(source(name))
        env = dict(os.environ, OMP_NUM_THREADS='1',
                   PYTHONPATH=os.pathsep.join([folder, str(REPO)]))
        done = subprocess.run(
            # The usual import mode would put the checkout first on the path.
            [
                sys.executable, '-m', 'pytest', '--import-mode=importlib',
                '-x', '-q', '-p', 'no:cacheprovider', '--rootdir', REPO,
                REPO / tests
            ],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True)
        if done.returncode not in (0, 1):
            raise RuntimeError(f'{name}: the tests did not run\n' + done.stdout
                               + done.stderr)
        return done.returncode == 1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*', metavar='NAME',
                        help='mutants; all if not given')
    parser.add_argument('--tests', default=TESTS, metavar='FILE')
    args = parser.parse_args()
    names = args.names or list(MUTANTS)
    survivors = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(partial(is_killed, tests=args.tests), names)
        for name, killed in zip(names, results, strict=True):
            print(f'{"killed" if killed else "SURVIVED":<10}{name}',
                  flush=True)
            survivors += [] if killed else [name]
    print(f'{len(names) - len(survivors)} of {len(names)} mutants killed')
    raise SystemExit(bool(survivors))


if __name__ == '__main__':
    main()
