"""VOC's XML: what is read, what has a default, what is refused."""
import pytest

from mmxkd.errors import CorruptSampleError
from mmxkd.formats.voc import (
    VocAnnotation,
    VocObject,
    format_annotation,
    parse_annotation,
    read_annotation,
)
from mmxkd.formats.voc.boxes import (
    BEYOND,
    CLIPPED,
    DROPPED,
    OUTSIDE,
    pixel_boxes,
)

BOX = '<bndbox><xmin>48</xmin><ymin>2</ymin><xmax>60</xmax><ymax>9</ymax>' \
      '</bndbox>'
HEAD = '<annotation>\n<filename>000005.jpg</filename>\n<size><width>500' \
       '</width><height>375</height><depth>3</depth></size>\n'


def with_object(inside: str) -> str:
    return f'{HEAD}<object>{inside}</object>\n</annotation>'


def refused(text: str) -> str:
    with pytest.raises(CorruptSampleError) as caught:
        parse_annotation(text, 'Annotations/000005.xml')
    assert caught.value.path == 'Annotations/000005.xml'
    return caught.value.reason


def test_all_that_is_read():
    found = parse_annotation(
        with_object(f'<name> Cat </name><pose>Left</pose><truncated>1'
                    f'</truncated><difficult>1</difficult>{BOX}'), 'a.xml')
    assert found == VocAnnotation(
        '000005.jpg', (500, 375),
        (VocObject('Cat', (48, 2, 60, 9), True, True, 'Left', line=4), ))


def test_missing_tags_have_defaults():
    (thing, ) = parse_annotation(with_object(f'<name>cat</name>{BOX}'),
                                 'a.xml').objects
    assert (thing.difficult, thing.truncated, thing.pose) == (False, False,
                                                              'Unspecified')


def test_floats_are_read():
    text = with_object(f'<name>cat</name>{BOX}').replace('48', ' 48.25 ')
    assert parse_annotation(text, 'a.xml').objects[0].box[0] == 48.25


def test_parts_of_persons_are_not_read():
    """VOC2012 has boxes of heads inside of objects."""
    part = '<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>'
    (thing, ) = parse_annotation(
        with_object(f'{part}<name>person</name>{BOX}'), 'a.xml').objects
    assert thing.name == 'person' and thing.box == (48, 2, 60, 9)


@pytest.mark.parametrize(
    'size', ['', '<size><width>0</width><height>0</height></size>'])
def test_size_may_be_unknown(size):
    assert parse_annotation(f'<annotation>{size}</annotation>',
                            'a.xml').size is None


def test_line_ends_and_mark(tmp_path):
    text = with_object(f'<name>cat</name>{BOX}')
    path = tmp_path / 'a.xml'
    path.write_bytes(b'\xef\xbb\xbf' + text.replace('\n', '\r\n').encode())
    assert read_annotation(path) == parse_annotation(text, 'a.xml')


def test_names_in_other_scripts(tmp_path):
    path = tmp_path / 'a.xml'
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>'
        + with_object(f'<name>köttbulle</name>{BOX}'), encoding='utf-8')
    assert read_annotation(path).objects[0].name == 'köttbulle'


@pytest.mark.parametrize('inside, reason', [
    (BOX, 'line 4: object 1: has no <name>'),
    ('<name></name>' + BOX, 'line 4: object 1: has no <name>'),
    ('<name>cat</name>', "line 4: object 1 ('cat'): has no <bndbox>"),
    ('<name>cat</name><bndbox><xmin>1</xmin></bndbox>',
     "line 4: object 1 ('cat'): <bndbox> has no <ymin>"),
    ('<name>cat</name>' + BOX.replace('48', 'left'),
     "line 4: object 1 ('cat'): <xmin>: expected a number, found 'left'"),
    ('<name>cat</name>' + BOX.replace('48', 'nan'),
     "line 4: object 1 ('cat'): <xmin>: expected a number, found 'nan'"),
    ('<name>cat</name>\n<difficult>yes</difficult>' + BOX,
     "line 5: object 1 ('cat'): <difficult>: expected 0 or 1, found 'yes'"),
    ('<name>cat</name>\n<truncated></truncated>' + BOX,
     "line 5: object 1 ('cat'): <truncated>: expected 0 or 1, found ''"),
])
def test_refused_objects(inside, reason):
    assert refused(with_object(inside)) == reason


@pytest.mark.parametrize('text, reason', [
    ('', 'cannot be read: line 1: not XML: no element found'),
    ('<annotation>\n<object>', 'line 2: not XML: no element found'),
    ('<annotation>\n</object>', 'line 2: not XML: mismatched tag'),
    ('<html/>', 'expected <annotation>, found <html>'),
    (HEAD.replace('500', 'wide') + '</annotation>',
     "line 3: size: expected <width> in pixels, found 'wide'"),
    ('<annotation><size/></annotation>', 'expected <width> in pixels'),
])
def test_refused_files(text, reason):
    assert reason in refused(text)


@pytest.mark.parametrize('doctype', [
    '<!DOCTYPE annotation>',
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]>',
])
def test_a_dtd_is_refused_before_its_entities_are_read(doctype):
    text = f'<?xml version="1.0"?>\n{doctype}<annotation>&y;</annotation>'
    assert 'line 2: has a DTD' in refused(text)


def test_missing_file(tmp_path):
    with pytest.raises(CorruptSampleError, match='No such file'):
        read_annotation(tmp_path / 'a.xml')


def test_what_is_written_is_read_back():
    annotation = VocAnnotation('a&b.jpg', (640, 480), (
        VocObject('a <b>', (1, 2, 3.125, 480), True, True, 'Left'),
        VocObject('cat', (10, 20, 640, 30)),
    ))
    text = format_annotation(annotation)
    found = parse_annotation(text, 'a.xml')
    lines = text.split('\n')
    assert [lines[o.line - 1] for o in found.objects] == ['\t<object>'] * 2
    assert format_annotation(found) == text
    assert [o.box
            for o in found.objects] == [o.box for o in annotation.objects]
    assert found.objects[0].name == 'a <b>' and found.size == (640, 480)


class TestBoxes:
    """Of a picture of 100x50."""

    @pytest.mark.parametrize('box, kept, why', [
        ((1, 1, 100, 50), (0, 0, 99, 49), None),
        ((5, 5, 5, 9), None, DROPPED),
        ((9, 5, 5, 9), None, DROPPED),
        ((5, 9, 9, 9), None, DROPPED),
        ((0, 5, 110, 9), (0, 4, 99, 8), CLIPPED),
        ((101, 5, 120, 9), None, OUTSIDE),
        ((5, -20, 9, 0), None, OUTSIDE),
    ])
    def test_clipped(self, box, kept, why):
        found, told = pixel_boxes([VocObject('cat', box)], (100, 50), True)
        assert [box for _, box in found] == ([kept] if kept else [])
        assert told == ([('cat', why)] if why else [])

    def test_kept_as_they_are_by_default(self):
        found, told = pixel_boxes([VocObject('cat', (0, 5, 110, 9))],
                                  (100, 50))
        assert found[0][1] == (-1, 4, 109, 8) and told == [('cat', BEYOND)]
