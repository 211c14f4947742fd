"""Check the structure of MATLAB 5 files before scipy reads them: on damaged sizes and types it ends the process.

A file is a header of 128 bytes and elements, each a type, a size and that many bytes; arrays are elements of elements
[MathWorks, MAT-File Format, 2024].
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}  # of a number, by type
_TEXT = {1: 1, 2: 1, 3: 2, 4: 2, 16: 1, 17: 2, 18: 4}
_MATRIX = 14
_COMPRESSED = 15
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE, _LAST_NUMERIC, _FUNCTION = 1, 2, 3, 4, 5, 15, 16
_DEPTH = 20  # of structures within structures

Element = tuple[int, memoryview]


def check_matlab5(path: Path | str) -> None:
    """Refuse, with ValueError, a file whose elements do not fit into one another; of other versions nothing is said."""
    content = memoryview(Path(path).read_bytes())
    order = {b"IM": "<", b"MI": ">"}.get(bytes(content[126:128]))
    if order is None:
        return
    for kind, body in _elements(content[128:], order):
        if kind == _COMPRESSED:
            unpacked = memoryview(zlib.decompress(body))
            inside = list(_elements(unpacked, order))
            if len(inside) != 1:
                raise ValueError("a compressed variable holds no array")
            [(kind, body)] = inside
        if kind != _MATRIX:
            raise ValueError(f"it holds an element of type {kind} where a variable should be")
        _check_array(body, order)


def _elements(content: memoryview, order: str) -> Iterator[Element]:
    place = 0
    while place < len(content):
        if place + 8 > len(content):
            raise ValueError("it ends within an element")
        first, size = struct.unpack_from(f"{order}II", content, place)
        start = place + 8
        kind = first
        if first >> 16:  # a small element keeps its bytes in the tag
            size = first >> 16
            kind = first & 0xFFFF
            start = place + 4
            if size > 4:
                raise ValueError(f"a small element announces {size} bytes")
        if start + size > len(content):
            raise ValueError(f"an element announces {size} bytes of the {len(content) - start} that there are")
        yield kind, content[start : start + size]
        place = start + size if kind == _COMPRESSED else place + 8 if first >> 16 else start + -(-size // 8) * 8


def _check_array(body: memoryview, order: str, depth: int = 0) -> None:
    if len(body) == 0 and depth:  # an empty entry of a cell or structure
        return
    if depth > _DEPTH:
        raise ValueError(f"it nests structures more than {_DEPTH} deep")
    parts = list(_elements(body, order))
    kinds = [kind for kind, _ in parts[:3]]
    if len(parts) < 2 or kinds[0] != 6 or len(parts[0][1]) != 8:
        raise ValueError("a variable has no flags")
    flags = struct.unpack(f"{order}I", parts[0][1][:4])[0]
    class_ = flags & 0xFF
    if class_ > _FUNCTION:
        return  # what only MATLAB can read, which scipy passes over
    if kinds[1] not in (5, 6) or kinds[2:] not in ([1], [16]) or len(parts[1][1]) % 4 or len(parts[1][1]) < 8:
        raise ValueError("a variable has no dimensions or no name")
    shape = struct.unpack(f"{order}{len(parts[1][1]) // 4}i", parts[1][1])
    if min(shape) < 0:
        raise ValueError(f"a variable has the shape {shape}")
    _check_content(class_, math.prod(shape), parts[3:], bool(flags & 0x800), order, depth)


def _check_content(class_: int, size: int, parts: list[Element], is_complex: bool, order: str, depth: int) -> None:
    if class_ in (_CELL, _FUNCTION, _STRUCT, _OBJECT):
        head = {_STRUCT: 2, _OBJECT: 3}.get(class_, 0)
        n_expected = 1 if class_ == _FUNCTION else size
        if head:
            length, names = parts[head - 2 : head] if len(parts) >= head else ((0, b""), (0, b""))
            n_bytes = struct.unpack(f"{order}i", length[1])[0] if len(length[1]) == 4 else 0
            if n_bytes < 1 or len(names[1]) % n_bytes:
                raise ValueError("a structure has no names of fields")
            n_expected = size * (len(names[1]) // n_bytes)
        inside = parts[head:]
        if len(inside) != n_expected or any(kind != _MATRIX for kind, _ in inside):
            raise ValueError(f"a structure or cell holds {len(inside)} of {n_expected} arrays")
        for _, body in inside:
            _check_array(body, order, depth + 1)
    elif class_ == _SPARSE:
        if len(parts) != 3 + is_complex or any(kind not in _BYTES for kind, _ in parts):
            raise ValueError("a sparse matrix lacks a part")
    elif class_ == _CHAR or class_ <= _LAST_NUMERIC:
        widths = _TEXT if class_ == _CHAR else _BYTES
        n_parts = 2 if is_complex and class_ != _CHAR else 1
        fits = all(kind in widths and (class_ == _CHAR or len(data) == size * widths[kind]) for kind, data in parts)
        if len(parts) != n_parts or not fits:
            raise ValueError(f"a variable of {size} numbers has other parts than its header announces")
