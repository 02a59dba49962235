from mmxkd.experiments.report import markdown


def test_names_cannot_break_the_table():
    """Names of arms are free: a bar, a tag or a line break stays in a cell."""
    hostile = '<script>alert(1)</script>|x\n| y\x1b[2J'
    table = {
        'teacher': {'val': {0: 40.}}, 'baseline': {'val': {0: 20.}},
        hostile: {'val': {0: 30.}}
    }
    text = markdown(table)
    rows = text.split('\n')[:5]
    assert {row.replace('\\|', '').count('|') for row in rows} == {5}
    assert '<' not in text and '\x1b' not in text
    assert rows[4].startswith('| &lt;script&gt;alert(1)&lt;/script&gt;\\|x')
    assert rows[4].endswith('| 30.0 | 50 % | 1 of 1 seeds |')


def test_plain_names_are_as_before():
    table = {
        'teacher': {'val': {0: 40.}}, 'baseline': {'val': {0: 20.}},
        'fog_mse-2': {'val': {0: 30.}}
    }
    assert '| fog_mse-2 | 30.0 | 50 % | 1 of 1 seeds |' in markdown(table)
