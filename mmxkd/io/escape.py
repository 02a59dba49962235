"""Names from data in a terminal, in Markdown and in HTML."""
import html
import re

from mmxkd.errors import check_name

TARGETS = ('terminal', 'markdown', 'html')
_MARKDOWN = re.compile(r'[\\`*\[\]|~]')


def escape(text: object, target: str = 'terminal') -> str:
    r"""Text that a target shows as it is, and does not act upon.

    A class or file name may hold sequences that clear or colour a terminal,
    line breaks that end a row of a table, marks that turn the direction of
    writing, or tags. Whatever cannot be printed becomes ``\x1b``, ``\n``,
    ``\u202e``; the rest is what the target needs.

    Args:
        text: E.g. a name or an error.
        target (str): One of :data:`TARGETS`. Markdown is escaped for
            HTML too, since it may hold tags.

    Raises:
        ConfigError: There is no such target.

    Examples:
        >>> escape('Car\x1b[2J')
        'Car\\x1b[2J'
        >>> escape('a|<b>', 'markdown'), escape('<b>', 'html')
        ('a\\|&lt;b&gt;', '&lt;b&gt;')
    """
    check_name('target', target, TARGETS)
    shown = str(text)
    if not shown.isprintable():
        shown = ''.join(
            character if character.isprintable() else _code(character)
            for character in shown)
    if target == 'terminal':
        return shown
    shown = html.escape(shown, quote=target == 'html')
    if target == 'markdown':
        shown = _MARKDOWN.sub(r'\\\g<0>', shown)
    return shown


def _code(character: str) -> str:
    return character.encode('unicode_escape').decode('ascii')
