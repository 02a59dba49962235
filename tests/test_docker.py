"""What can be said of ``docker/Dockerfile`` without docker."""
import os
import re
import shlex
import subprocess

import pytest

INSTRUCTIONS = {'ARG', 'FROM', 'RUN', 'ENV', 'WORKDIR', 'COPY', 'CMD'}


@pytest.fixture(scope='module')
def steps(repo) -> list[tuple[str, str]]:
    """Instruction and rest of each line; continued lines are joined."""
    text = (repo / 'docker/Dockerfile').read_text()
    lines = [line for line in text.splitlines() if not line.startswith('#')]
    joined = '\n'.join(lines).replace('\\\n', ' ')
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
            for line in joined.splitlines() if line.strip()]


def arguments(steps) -> dict[str, str]:
    """Name and default of each build argument."""
    return dict(
        rest.split('=', 1) for instruction, rest in steps
        if instruction == 'ARG')


def test_instructions_are_known(steps):
    assert {instruction for instruction, _ in steps} == INSTRUCTIONS


def test_each_device_has_its_stage(steps):
    images = [rest for instruction, rest in steps if instruction == 'FROM']
    stages = [rest.split(' AS ')[1] for rest in images[:-1]]
    assert stages == ['cpu', 'cuda'] and images[-1] == '${DEVICE}'
    assert arguments(steps)['DEVICE'] in stages
    # An ARG is seen by FROM only before the first of them.
    before = steps[:[i for i, _ in steps].index('FROM')]
    used = set(re.findall(r'\$\{(\w+)\}', ' '.join(images)))
    assert used == set(arguments(before))


def test_every_argument_is_used_and_documented(repo, steps):
    page = (repo / 'docker/README.md').read_text()
    used = ' '.join(rest for instruction, rest in steps
                    if instruction != 'ARG')
    for name, default in arguments(steps).items():
        assert f'`{name}`' in page
        assert f'`{default}`' in page if default else '| none |' in page
        # pip and PyTorch read these two themselves.
        if name not in ('PIP_EXTRA_INDEX_URL', 'TORCH_CUDA_ARCH_LIST'):
            assert f'${name}' in used or f'${{{name}' in used, name


@pytest.mark.parametrize('stack, extras', [('openmmlab', 'mmdet3d,mmrazor'),
                                           ('onedl', 'tests'), ('onedl', '')])
def test_the_installer_takes_its_options(repo, steps, stack, extras):
    command = next(rest for instruction, rest in steps
                   if instruction == 'RUN' and 'install.sh' in rest)
    mount, command = command.split(maxsplit=1)
    assert mount == '--mount=type=cache,target=/root/.cache/pip'
    # All options are read before the help is printed.
    done = subprocess.run(['bash', '-euc', f'{command} --help'], cwd=repo,
                          capture_output=True, text=True,
                          env=dict(os.environ, STACK=stack, WITH=extras))
    assert done.returncode == 0, done.stderr
    assert '--stack openmmlab|onedl' in done.stdout


def test_shell_lines_are_valid(steps):
    for instruction, rest in steps:
        if instruction == 'RUN':
            command = re.sub(r'^--mount=\S+ ', '', rest)
            subprocess.run(['bash', '-n', '-c', command], check=True)
            assert shlex.split(command)


def test_nothing_that_the_installer_reads_is_left_out(repo):
    ignored = (repo / '.dockerignore').read_text().split()
    for name in ('tools', 'mmxkd', 'requirements', 'setup.py', 'README.md',
                 'pyproject.toml', 'configs', 'model-index.yml'):
        assert name not in ignored and (repo / name).exists()
    assert '.git' in ignored and '.venv*' in ignored
