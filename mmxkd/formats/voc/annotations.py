"""One XML file per picture: its size, and its objects with boxes."""
import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from xml.sax.saxutils import escape

from mmxkd.errors import CorruptSampleError
from mmxkd.io.text import parse_number, read_text

from .xml_tree import Element, parse_xml

MODALITY = 'VOC annotation'
_SIDES = ('xmin', 'ymin', 'xmax', 'ymax')


@dataclass(frozen=True)
class VocObject:
    """An object of a picture.

    Attributes:
        name: Its class, as the file has it, without spaces at its ends.
        box: x1, y1, x2, y2 as the file has them: pixels, from 1; the last
            column and row belong to the object.
        difficult: Left out of training, neither miss nor false alarm in the
            evaluation.
        truncated: Not all of it is in the picture.
        pose: E.g. ``'Left'``.
        line: Where it begins in the file; 0 where there is none.
    """

    name: str
    box: tuple[float, float, float, float]
    difficult: bool = False
    truncated: bool = False
    pose: str = 'Unspecified'
    line: int = 0


@dataclass(frozen=True)
class VocAnnotation:
    """The content of a file.

    Attributes:
        filename: Of the picture, as the file has it; may be empty or wrong.
        size: Width and height in pixels; None where the file has none.
        objects: In the order of the file.
    """

    filename: str
    size: tuple[int, int] | None
    objects: Sequence[VocObject]


def read_annotation(path: str | PathLike) -> VocAnnotation:
    """Read a file.

    Raises:
        CorruptSampleError: It is missing, or as :func:`parse_annotation`.
    """
    return parse_annotation(read_text(path, MODALITY), path)


def parse_annotation(text: str, path: str | PathLike) -> VocAnnotation:
    """What the XML of a picture says.

    Other tags than these are not read, such as the parts of persons in
    VOC2012. ``difficult``, ``truncated`` and ``pose`` may be missing: 0, 0 and
    ``Unspecified``.

    Args:
        text (str): The document.
        path (str | PathLike): Its file, for errors.

    Raises:
        CorruptSampleError: It is not XML, not an annotation, or an object
            has no name or box, or a number is none; names line and object.
    """
    root = parse_xml(text, path, MODALITY)
    if root.tag != 'annotation':
        raise CorruptSampleError(
            path, MODALITY, f'line {root.line}: expected <annotation>, found '
            f'<{root.tag}>')
    filename = root.find('filename')
    return VocAnnotation(
        filename.text if filename else '', _size(root, path),
        tuple(
            _object(element, number, path)
            for number, element in enumerate(root.all('object'), start=1)))


def _size(root: Element, path: str | PathLike) -> tuple[int, int] | None:
    element = root.find('size')
    if element is None:
        return None
    found = []
    for name in ('width', 'height'):
        part = element.find(name)
        value = parse_number(part.text) if part else None
        if value is None or value != value // 1 or value < 0:
            raise CorruptSampleError(
                path, MODALITY, f'line {element.line}: size: expected <{name}>'
                f' in pixels, found {part.text if part else "none"!r}')
        found.append(int(value))
    # Some tools write 0 where they do not know it.
    return (found[0], found[1]) if all(found) else None


def _object(element: Element, number: int, path: str | PathLike) -> VocObject:
    named = element.find('name')
    name = named.text if named else ''

    def refuse(line: int, reason: str) -> CorruptSampleError:
        which = f'object {number}' + (f' ({name!r})' if name else '')
        return CorruptSampleError(path, MODALITY,
                                  f'line {line}: {which}: {reason}')

    if not name:
        raise refuse(element.line, 'has no <name>')
    box = element.find('bndbox')
    if box is None:
        raise refuse(element.line, 'has no <bndbox>')
    sides = []
    for side in _SIDES:
        part = box.find(side)
        if part is None:
            raise refuse(box.line, f'<bndbox> has no <{side}>')
        value = parse_number(part.text)
        if value is None or not math.isfinite(value):
            raise refuse(
                part.line, f'<{side}>: expected a number, found '
                f'{part.text!r}')
        sides.append(value)
    flags = {}
    for tag in ('difficult', 'truncated'):
        part = element.find(tag)
        if part is not None and part.text not in ('0', '1'):
            raise refuse(part.line, f'<{tag}>: expected 0 or 1, found '
                         f'{part.text!r}')
        flags[tag] = part is not None and part.text == '1'
    pose = element.find('pose')
    return VocObject(name, (sides[0], sides[1], sides[2], sides[3]),
                     pose=pose.text if pose and pose.text else 'Unspecified',
                     line=element.line, **flags)


def format_annotation(annotation: VocAnnotation) -> str:
    """The XML of a picture, as :func:`parse_annotation` reads it.

    Examples:
        >>> text = format_annotation(VocAnnotation('1.jpg', (4, 3), [
        ...     VocObject('cat', (1, 1, 2.5, 3), difficult=True)]))
        >>> parse_annotation(text, '1.xml').objects[0].box
        (1.0, 1.0, 2.5, 3.0)
    """
    lines = [
        '<annotation>', f'\t<filename>{escape(annotation.filename)}</filename>'
    ]
    if annotation.size:
        width, height = annotation.size
        lines += [
            '\t<size>', f'\t\t<width>{width}</width>',
            f'\t\t<height>{height}</height>', '\t\t<depth>3</depth>',
            '\t</size>'
        ]
    for thing in annotation.objects:
        lines += [
            '\t<object>', f'\t\t<name>{escape(thing.name)}</name>',
            f'\t\t<pose>{escape(thing.pose)}</pose>',
            f'\t\t<truncated>{int(thing.truncated)}</truncated>',
            f'\t\t<difficult>{int(thing.difficult)}</difficult>',
            '\t\t<bndbox>',
            *(f'\t\t\t<{side}>{value:.10g}</{side}>'
              for side, value in zip(_SIDES, thing.box, strict=True)),
            '\t\t</bndbox>', '\t</object>'
        ]
    return '\n'.join([*lines, '</annotation>', ''])
