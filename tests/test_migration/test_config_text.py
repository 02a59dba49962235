import math

import pytest
from mmengine.config import Config

from mmxkd.errors import ConfigError
from mmxkd.migration.config_text import (
    Expression,
    assignment,
    changes,
    plain,
    statements,
)

VALUES = dict(number=2e-5, none=None, empty=dict(), no=[], one=(1, ),
              text="a 'b' \\ \n", far=math.inf,
              nested=[dict(type='A', sizes=[(1333, 800)] * 12)],
              keys={'a.b': 1, 3: 'x', 'class': True}, long='x' * 90, minus=-1)


def written(tmp_path, text):
    path = tmp_path / 'config.py'
    path.write_text(text, encoding='utf-8')
    return Config.fromfile(path, import_custom_modules=False)


@pytest.mark.parametrize('key', VALUES)
def test_what_is_written_is_read_again(tmp_path, key):
    text = assignment('value', VALUES[key])
    found = plain(dict(written(tmp_path, text).items()))
    assert found == dict(value=VALUES[key])
    assert type(found['value']) is type(VALUES[key])


def test_lines_are_short_but_for_strings():
    lines = assignment('values', VALUES).split('\n')
    long = [line for line in lines if len(line) > 79]
    assert len(lines) > 20
    assert all(line.endswith('# noqa: E501') for line in long)
    assert len(long) == 1 and 'x' * 90 in long[0]


def test_an_expression_stands_as_it_is():
    assert assignment('a',
                      [Expression('_base_.model')]) == ('a = [_base_.model]')


@pytest.mark.parametrize('value', [{1, 2}, object(), len, b'a'])
def test_what_has_no_text_is_refused(value):
    with pytest.raises(ConfigError, match=r'^a\.b\[0\]: a \w+ cannot be'):
        assignment('a', dict(b=[value]))


def test_default_scopes_are_left_out():
    assert plain(dict(_scope_='mmdet', a=[dict(_scope_='mmcv', b=(1, ))]),
                 'mmdet') == dict(a=[dict(_scope_='mmcv', b=(1, ))])


BASE = dict(same=1, model=dict(a=1, b=dict(c=2, d=[3])), gone=dict(x=1),
            kind=dict(y=1), name='a')
NEW = dict(same=1, model=dict(a=1, b=dict(c=5, d=[3], e=4)), gone=dict(z=1),
           kind=3, name=dict(y=2), more=dict(v=1))


def test_changes_of_a_base(tmp_path):
    (tmp_path / 'base.py').write_text('\n'.join(
        assignment(k, v) for k, v in BASE.items()))
    found = changes(NEW, BASE)
    assert found['model'] == dict(b=dict(c=5, e=4))
    text = "_base_ = 'base.py'\n" + '\n'.join(
        assignment(k, v) for k, v in found.items())
    assert plain(dict(written(tmp_path, text).items())) == NEW


def test_statements(tmp_path):
    old = dict(a=dict(b=1, gone=2), c=[1], same=dict(x=1))
    new = dict(a=dict(b=dict(d=1)), c=[2], same=dict(x=1), more=None)
    lines = statements(new, old, 'm')
    assert not any('same' in line for line in lines)
    (tmp_path / 'base.py').write_text(assignment('m', old))
    text = '\n'.join(["_base_ = 'base.py'", 'm = _base_.m', *lines])
    assert plain(written(tmp_path, text).m.to_dict()) == new
