"""Each text of a config is formatted once, as YAPF formats it."""
from unittest.mock import patch

import pytest
from mmengine.config import Config
from yapf.yapflib import yapf_api

from mmxkd.compat import config_format


@pytest.fixture
def formatted():
    """What YAPF itself is asked to format."""
    with patch.object(yapf_api, 'FormatTree',
                      wraps=yapf_api.FormatTree) as calls:
        yield calls


def test_the_text_is_that_of_yapf(repo):
    config = Config.fromfile(repo / 'configs/cmkd/fog_mse_tiny.py')
    stock = yapf_api.FormatCode.__wrapped__
    with patch('mmengine.config.config.FormatCode', stock, create=True):
        expected = config.pretty_text
    assert config.pretty_text == config.pretty_text == expected


def test_a_text_is_formatted_once_and_a_changed_one_again(formatted):
    config = Config(dict(model=dict(type='A'), width=len(__file__)))
    texts = {config.pretty_text for _ in range(4)}
    assert (len(texts), formatted.call_count) == (1, 1)
    config.model.type = 'B'
    assert "type='B'" in config.pretty_text
    assert formatted.call_count == 2


def test_a_style_is_part_of_what_was_asked(formatted):
    text = 'x = f(a, b,\n      c_is_here)\n'
    made = {
        yapf_api.FormatCode(text, style_config=dict(column_limit=limit))[0]
        for limit in (79, 16, 79, 16)
    }
    assert (len(made), formatted.call_count) == (2, 2)


def test_few_texts_are_kept(formatted):
    for number in [*range(config_format._KEPT + 1), 0]:
        yapf_api.FormatCode(f'kept = {number}', style_config={})
    assert formatted.call_count == config_format._KEPT + 2


def test_bad_code_is_refused_each_time(formatted):
    for _ in range(2):
        with pytest.raises(yapf_api.errors.YapfError):
            yapf_api.FormatCode('x = (', style_config={})


def test_a_style_of_a_file_is_read_each_time(formatted, tmp_path):
    style, made = tmp_path / '.style', []
    for width in (2, 4):
        style.write_text(f'[style]\nindent_width = {width}\n')
        made.append(
            yapf_api.FormatCode(unformatted_source='if a:\n      b = 1\n',
                                style_config=str(style))[0])
    assert made == ['if a:\n  b = 1\n', 'if a:\n    b = 1\n']
