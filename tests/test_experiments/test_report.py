"""The report: right numbers, and names that cannot do harm."""
import base64
import json
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.experiments.benchmarks import BENCHMARKS
from mmxkd.experiments.charts import bars, dots, lines, looks, scale
from mmxkd.experiments.curves import Curves, read_curves, thin
from mmxkd.experiments.html_report import html_report
from mmxkd.experiments.pictures import _arms
from mmxkd.experiments.report import markdown, write_report
from mmxkd.experiments.statistics import Estimate
from mmxkd.experiments.summary import summarise

HOSTILE = '<script>alert(1)</script>|x\n| y\x1b[2J'


def summary(table, **options):
    return summarise(table, ['teacher'], ['baseline'], **options)


def test_names_cannot_break_the_table():
    """Names of arms are free: a bar, a tag or a line break stays in a cell."""
    text = markdown(
        summary({
            'teacher': {'val': {0: 40.}}, 'baseline': {'val': {0: 20.}},
            HOSTILE: {'val': {0: 30.}}
        }))
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
    text = markdown(summary(table))
    assert '| fog_mse-2 | 30.0 | 50 % | 1 of 1 seeds |' in text
    assert '| fog_mse-2 | +10.0 | +10.0 |' in text


SEEDS = {
    'teacher': {'val': {0: 40., 1: 44.}, 'test': {0: 42., 1: 46.}},
    'long': {'val': {0: 41., 1: 45.}, 'test': {0: 30., 1: 34.}},
    'baseline': {'val': {0: 20., 1: 24.}, 'test': {0: 22., 1: 26.}},
    'human': {'val': {0: 30., 1: 34.}, 'test': {0: 32., 1: 36.}},
    'student': {'val': {0: 25., 1: 29.}, 'test': {0: 30., 1: 32.}}
}


def test_several_seeds_lengths_and_what_is_reachable():
    found = summarise(SEEDS, ['teacher', 'long'], ['baseline'], ['human'])
    # Chosen on val, although it is worse on test.
    assert found.teacher == 'long' and found.reachable == 'human'
    cell = found.arms['student']['test']
    assert (cell.mean, cell.deviation) == pytest.approx((31, 2**0.5))
    # Gains 8 and 6, gap 8 and 8, reachable 10 and 10.
    assert cell.gap == Estimate(pytest.approx(87.5),
                                pytest.approx(75.94, 1e-3),
                                pytest.approx(99.06, 1e-3))
    assert cell.reachable.value == pytest.approx(70)
    assert cell.difference.value == pytest.approx(7)
    assert cell.wins == (2, 2)
    text = markdown(found)
    assert 'of what human reaches, test' in text
    assert '| student | 27.0 ± 2.8 | 31.0 ± 1.4 |' in text
    assert 'The teacher is long, better on val than teacher.' in text
    assert '| student | +8.0 | +6.0 | +7.0 \\[+6.1, +7.9\\] |' in text


def test_parts_of_a_split_do_not_choose():
    """Of several columns of the first split, the last one counts."""
    table = {
        name: {
            'val day': {0: day}, 'val': {0: val}, 'test day': {0: 99. - day},
            'test': {0: 99. - val}
        } for name, day, val in (('rgb', 90., 40.), ('depth', 70., 60.),
                                 ('plain', 10., 30.), ('skip', 20., 20.),
                                 ('mine', 50., 50.))
    }
    found = summarise(table, ['rgb', 'depth'], ['plain', 'skip'])
    assert (found.teacher, found.baseline) == ('depth', 'plain')
    assert 'The teacher is depth, better on val than rgb.' in markdown(found)
    # What is drawn beside them is neither of the candidates.
    assert _arms(found) == ['plain', 'mine', 'depth']


class Checked(HTMLParser):
    """Every tag is closed in order; nothing is loaded, nothing runs."""
    VOID = {'meta'}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.text, self.images = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            assert not name.startswith('on') and name != 'href'
            if name == 'src':
                assert value.startswith('data:image/png;base64,')
                self.images.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def svgs(text):
    return [
        ElementTree.fromstring('<svg' + part.split('</svg>')[0] + '</svg>')
        for part in text.split('<svg')[1:]
    ]


def test_the_html_opens_offline_and_holds_the_tables():
    table = {HOSTILE if k == 'student' else k: v for k, v in SEEDS.items()}
    curves = {
        name: [Curves([(1., 5.), (2., 4.)], [(8., 20.)]),
               Curves()] for name in table
    }
    text = html_report(summary(table), curves, b'PNG')
    page = Checked(text)
    shown = ' '.join(page.text)
    assert 'script' not in page.tags and page.tags.count('table') == 2
    assert '<script>alert(1)</script>|x\\n| y\\x1b[2J' in shown
    assert 'http' not in text and '@import' not in text and 'url(' not in text
    assert '31.0 ± 1.4' in shown and len(page.images) == 1
    charts = svgs(text)
    # Seeds, shares of the gap, mAP and loss of the training.
    assert len(charts) == 4
    assert len(charts[0].findall('.//circle')) == 10
    assert len(charts[1].findall('.//circle')) == 3
    assert len(charts[3].findall('.//polyline')) == 5
    empty = Checked(html_report(summary(table), {}, None))
    assert not empty.images


def test_marks_are_where_their_numbers_are():
    chart, = svgs(dots(dict(a=[0., 50.], b=[100.]), 'mAP', looks('ab')))
    x = [float(c.get('cx')) for c in chart.findall('.//circle')]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)
    ticks = {
        t.text: float(t.get('x'))
        for t in chart.findall(".//text[@class='tick']")
    }
    assert [ticks['0'], ticks['100']] == [x[0], x[2]]
    chart, = svgs(bars(dict(a=Estimate(50., 25., 75.)), '%', looks('a')))
    line, = (e for e in chart.findall('.//line') if 'stroke-width' in e.attrib)
    middle = float(chart.find('.//circle').get('cx'))
    ends = float(line.get('x1')), float(line.get('x2'))
    assert sum(ends) / 2 == pytest.approx(middle, abs=0.1)
    chart, = svgs(
        lines(dict(a=[[(0., 1.), (10., 3.)]]), 'loss', 'iteration',
              looks('a')))
    points = [
        tuple(map(float, p.split(',')))
        for p in chart.find('.//polyline').get('points').split()
    ]
    assert points[0][0] < points[1][0] and points[0][1] > points[1][1]


@pytest.mark.parametrize('low, high', [(0, 1), (3, 47), (-25, 130), (5, 5),
                                       (0.001, 0.0012), (18.2, 19.9)])
def test_ticks_cover_the_range(low, high):
    ticks = scale(low, high)
    assert ticks[0] <= low and ticks[-1] >= high
    assert 2 <= len(ticks) <= 9
    assert len({round(b - a, 9) for a, b in pairwise(ticks)}) == 1


def log(folder, name, rows, end='\n'):
    path = folder / name / 'vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(map(json.dumps, rows)) + end)
    return path


def test_curves_of_a_run_that_was_resumed(tmp_path):
    log(tmp_path, '1', [
        dict(loss=4., step=1),
        dict(loss=3., step=2), {'coco/bbox_mAP': 0.1, 'step': 1},
        dict(loss=float('nan'), step=9)
    ], '\n{"los')
    log(tmp_path, '2', [dict(loss=2.5, step=2), dict(loss=2., step=3)])
    found = read_curves(tmp_path)
    assert found.loss == [(1., 4.), (2., 2.5), (3., 2.)]
    assert found.score == [(1., 10.)]
    assert read_curves(tmp_path / 'none') == Curves()
    log(tmp_path, '3', ['text', dict(loss=1., step=4)])
    with pytest.raises(CorruptSampleError, match='line 1 is not a JSON obj'):
        read_curves(tmp_path)


def test_long_curves_keep_their_mean():
    curve = [(float(i), float(i % 7)) for i in range(600)]
    short = thin(curve)
    assert len(short) == 60
    assert np.mean([y for _, y in short
                    ]) == pytest.approx(np.mean([y for _, y in curve]))


@pytest.fixture
def runs(tmp_path):
    """One frame with one object; the baseline misses it."""
    data = tmp_path / 'data'
    (data / 'annotations').mkdir(parents=True)
    cv2.imwrite(str(data / 'a.png'), np.full((48, 64, 3), 90, np.uint8))
    box = dict(image_id=1, category_id=1, bbox=[10, 10, 12, 24])
    (data / 'annotations/test.json').write_text(
        json.dumps(
            dict(images=[dict(id=1, file_name='a.png', width=64, height=48)],
                 annotations=[dict(box, id=1, iscrowd=0, area=288)],
                 categories=[dict(id=1, name='car')])))
    for arm, found in dict(teacher=[dict(box, score=.9)], baseline=[]).items():
        folder = tmp_path / 'runs/seed_0' / arm
        folder.mkdir(parents=True)
        (folder / 'test.bbox.json').write_text(json.dumps(found))
    return tmp_path / 'runs', data


def test_files_of_a_report(runs):
    folder, data = runs
    text = write_report(folder, data, ['teacher', 'baseline'], splits=['test'])
    assert (folder / 'gap_report.md').read_text() == text
    content = json.loads((folder / 'gap_report.json').read_text())
    assert content['summary']['arms']['teacher']['test']['mean'] == (
        pytest.approx(100))
    page = Checked((folder / 'gap_report.html').read_text())
    assert len(page.images) == 1
    # Without the pictures there is a report, too.
    (data / 'a.png').unlink()
    write_report(folder, data, ['teacher', 'baseline'], splits=['test'])
    assert not Checked((folder / 'gap_report.html').read_text()).images
    with pytest.raises(ConfigError, match="need 'teachr'.*mean 'teacher'"):
        write_report(folder, data, ['teacher', 'baseline'], 'teachr')


def test_pictures_of_drives(runs):
    """Their truth has a file of its own, and boxes lie in some columns."""
    folder, data = runs
    file = data / 'annotations/test.json'
    truth = json.loads(file.read_text())
    truth['images'][0].update(columns=[8, 56], width=48, lighting='night')
    (data / 'annotations/test_truth.json').write_text(json.dumps(truth))
    # The frames by themselves, without a box.
    file.write_text(json.dumps(dict(images=truth['images'], categories=[])))
    picture = cv2.imread(str(data / 'a.png'))
    picture[:, :8] = picture[:, 56:] = (0, 0, 255)
    cv2.imwrite(str(data / 'a.png'), picture)
    write_report(folder, data, ['teacher', 'baseline'], splits=['test'],
                 benchmark=BENCHMARKS['sound_boxes'])
    page = Checked((folder / 'gap_report.html').read_text())
    (image, ) = page.images
    content = base64.b64decode(image.partition(',')[2])
    drawn = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    red = (drawn[..., 2] > 200) & (drawn[..., :2] < 50).all(-1)
    assert drawn.size and not red.any()


def test_an_arm_has_one_colour_in_every_chart():
    drawn_as = looks(['teacher', 'baseline', 'leap'])
    first, = svgs(dots(dict(baseline=[1.], leap=[2.]), 'mAP', drawn_as))
    second, = svgs(bars(dict(leap=Estimate(50., None, None)), '%', drawn_as))
    third, = svgs(lines(dict(leap=[[(8., 44.)]]), 'mAP', 'epoch', drawn_as))
    colour = drawn_as['leap'].colour
    assert first.findall('.//g')[1].get('fill') == colour
    assert second.find('.//g').get('fill') == colour
    # A curve of one point is a dot that one can see.
    dot = third.find('.//circle')
    assert dot.get('fill') == colour and float(dot.get('r')) >= 2


def test_many_arms_can_be_told_apart_and_their_names_fit():
    arms = [f'arm {i}' for i in range(20)]
    drawn_as = looks(arms)
    assert len(set(drawn_as.values())) == 20
    curve = [(float(x), float(x)) for x in range(30)]
    chart, = svgs(
        lines({arm: [curve] for arm in arms}, 'loss', 'iteration', drawn_as))
    height = float(chart.get('viewBox').split()[-1])
    names = [t for t in chart.findall('.//text') if t.get('x') == '4']
    assert len(names) == 20
    assert max(float(t.get('y')) for t in names) < height
    assert not chart.findall('.//circle')  # a long curve is its line
