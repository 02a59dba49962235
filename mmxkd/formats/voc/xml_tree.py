"""XML without a DTD, as a tree that knows its lines."""
from collections.abc import Iterator
from dataclasses import dataclass, field
from os import PathLike
from xml.parsers import expat

from mmxkd.errors import CorruptSampleError


@dataclass
class Element:
    """An element of an XML file.

    Attributes:
        tag: Its name.
        line: Where it begins, from 1.
        children: Elements directly in it.
        text: Its own text, stripped.
    """

    tag: str
    line: int
    children: list['Element'] = field(default_factory=list)
    text: str = ''

    def find(self, tag: str) -> 'Element | None':
        """The first child of this name."""
        return next(self.all(tag), None)

    def all(self, tag: str) -> Iterator['Element']:
        """All children of this name; not the children of children."""
        return (child for child in self.children if child.tag == tag)


def parse_xml(text: str, path: str | PathLike, modality: str) -> Element:
    """The root of an XML document.

    A DTD is refused: annotations need none, and its entities can read other
    files or fill the memory.

    Args:
        text (str): The document.
        path (str | PathLike): Its file, for the error.
        modality (str): What it holds, likewise.

    Raises:
        CorruptSampleError: It is not well-formed, or has a DTD; names the
            line.

    Examples:
        >>> root = parse_xml('<a><b>1</b><b>2</b></a>', 'a.xml', 'label')
        >>> [child.text for child in root.all('b')]
        ['1', '2']
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    top = Element('', 0)
    open_ones = [top]

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, parser.CurrentLineNumber)
        open_ones[-1].children.append(element)
        open_ones.append(element)

    def end(tag: str) -> None:
        element = open_ones.pop()
        element.text = element.text.strip()

    def data(text: str) -> None:
        open_ones[-1].text += text

    def doctype(name: str, *others: object) -> None:
        raise CorruptSampleError(
            path, modality, f'line {parser.CurrentLineNumber}: has a DTD '
            f'(<!DOCTYPE {name}>), which is refused: annotations need none, '
            'and its entities can read other files')

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise CorruptSampleError(
            path, modality, f'cannot be read: line {error.lineno}: not XML: '
            f'{expat.ErrorString(error.code)}') from error
    return top.children[0]
