import html
from html.parser import HTMLParser

import pytest

from mmxkd.errors import ConfigError
from mmxkd.io.escape import TARGETS, escape

HOSTILE = [
    'Car\x1b[2J\x1b]0;title\x07', 'a\nb', 'a\rb', '\u202egnp.exe', 'a\u200bb',
    '\ud800', '<script>alert(1)</script>', '"><img src=x onerror=y>', 'a|b',
    '`x`', '[a](http://b)', '**a**', '\\', '&amp;', '\x9b2J', 'a\u2028b'
]


@pytest.mark.parametrize('text', HOSTILE)
@pytest.mark.parametrize('target', TARGETS)
def test_nothing_acts_upon_a_target(text, target):
    shown = escape(text, target)
    assert shown.isprintable()
    shown.encode()  # also lone surrogates can be written
    if target != 'terminal':
        seen = []
        parser = HTMLParser()
        parser.handle_starttag = lambda tag, attrs: seen.append(tag)
        parser.feed(shown)
        assert seen == []
    if target == 'markdown':
        for mark in '|`*[]':
            assert shown.count(mark) == shown.count('\\' + mark)


def test_plain_names_stay():
    for target in TARGETS:
        assert escape('Person_sitting 2 straße',
                      target) == ('Person_sitting 2 straße')


def test_html_gives_the_text_back():
    assert html.unescape(escape('<a href="x">&', 'html')) == '<a href="x">&'


def test_what_cannot_be_printed_is_shown():
    assert escape('a\x1b\u202e\n') == r'a\x1b\u202e\n'


def test_unknown_target():
    with pytest.raises(ConfigError, match="'markdwn'; did you mean"):
        escape('a', 'markdwn')
