"""``--help`` of every tool says what each argument does."""
import argparse
import subprocess
from pathlib import Path

import pytest

from tests.helpers.commands import load_tool

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
PYTHON = sorted(TOOLS.glob('**/*.py'))
SHELL = sorted(TOOLS.glob('**/*.sh'))


def name_of(path):
    return path.relative_to(TOOLS).as_posix()


class Asked(Exception):
    """Raised in place of reading the command line."""

    def __init__(self, parser):
        super().__init__()
        self.parser = parser


@pytest.fixture(params=PYTHON, ids=name_of)
def parser(request, monkeypatch):
    """The parser of a tool, as its ``main`` builds it."""

    def parse_args(self, args=None, namespace=None):
        raise Asked(self)

    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', parse_args)
    module = load_tool(request.param)
    with pytest.raises(Asked) as asked:
        module.main()
    return asked.value.parser


def parsers_of(parser):
    """A parser and those of its sub-commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from parsers_of(sub)


def test_each_argument_is_explained(parser):
    for one in parsers_of(parser):
        assert one.description
        silent, without_default = [], []
        for action in one._actions:
            name = '/'.join(action.option_strings) or action.dest
            if not action.help or action.help == argparse.SUPPRESS:
                silent.append(name)
                continue
            shown = one._get_formatter()._expand_help(action)
            # A default that is not off or empty is a choice to know of.
            if action.default and action.default != argparse.SUPPRESS and (
                    'default' not in shown):
                without_default.append(name)
        assert not silent, f'without help: {silent}'
        assert not without_default, f'default unsaid: {without_default}'


def test_it_fits_a_terminal_and_can_be_printed(parser):
    for one in parsers_of(parser):
        text = one.format_help()
        assert 'usage:' in text
        description = text.split('\n\n')[1]
        assert max(map(len, description.splitlines())) <= 80


@pytest.mark.parametrize('path', SHELL, ids=name_of)
def test_scripts(path):
    done = subprocess.run(['bash', str(path), '--help'], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert path.name in done.stdout
    # Usage, and a line that says what it is for.
    assert len(done.stdout.strip().splitlines()) >= 2
