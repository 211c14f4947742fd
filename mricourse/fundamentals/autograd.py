"""A computation as a graph of numbers: its gradients, by reverse accumulation, and its picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from mricourse.plotting.panels import COLOURS, quiet, styled

__all__ = ["Node", "backward", "draw_graph", "history"]

MAX_NODES = 60
KEY = "in a box: value, and below it gradient; at an arrow: local slope, 1 where nothing is written"
_WIDTH_IN = 10.0
_COLUMN_IN = 1.25
_ROW_IN = 0.78
_BOX_IN = (0.64, 0.56)
_TWIN_IN = 0.14  # of two arrows between the same boxes, each lies this far from the middle
_LABEL_AT = 0.36  # of the way from parent to child: arrows cross in the middle


class Node(Protocol):
    """What these functions need to know about a number.

    Attributes
    ----------
    data, grad : float
        The number, and the derivative of the result with respect to it.
    parents : sequence of Node
        What it was made from; empty for an input.
    slopes : sequence of float
        Its derivative with respect to each of the parents, in their order.
    name : str
        Of an input its name, else the operation; only for drawing.
    """

    data: float
    grad: float
    parents: Sequence[Node]
    slopes: Sequence[float]
    name: str


def history(root: Node) -> list[Node]:
    """All numbers that a result was made from, and itself: each once, parents before their children.

    Parameters
    ----------
    root : Node
        The result.

    Returns
    -------
    list of Node
        The last one is `root`.

    Raises
    ------
    ValueError
        If a number has not as many slopes as parents.
    """
    order = []
    seen = set()
    waiting = [(root, False)]
    while waiting:
        node, parents_done = waiting.pop()
        if parents_done:
            order.append(node)
        elif id(node) not in seen:
            if len(node.parents) != len(node.slopes):
                raise ValueError(
                    f"{node.name!r} has {len(node.parents)} parents and {len(node.slopes)} slopes; "
                    "expected one slope for each parent."
                )
            seen.add(id(node))
            waiting.append((node, True))
            waiting += [(parent, False) for parent in reversed(node.parents)]
    return order


def backward(root: Node) -> None:
    r"""Add to the gradient of every number $v$ in the history of a result $L$ its $\partial L / \partial v$.

    Children deliver before their parent hands on: $\partial L/\partial v = \sum_c (\partial L/\partial c)\,
    (\partial c/\partial v)$ over the children $c$ of $v$. One product for each arrow of the graph.

    Parameters
    ----------
    root : Node
        The result $L$; its own gradient becomes 1. Gradients of a call before are added to, so set those of inputs
        that are used again to 0.

    Source: Rumelhart et al., Nature 323:533 (1986).
    """
    root.grad = 1.0
    for node in reversed(history(root)):
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.grad += slope * node.grad


@styled
def draw_graph(root: Node, *, title: str = "") -> Axes:
    """Draw all numbers that a result was made from, inputs left, the result right, an arrow from parent to child.

    Parameters
    ----------
    root : Node
        The result; any object with data, grad, parents, slopes and name.
    title : str
        Stands above the drawing.

    Returns
    -------
    Axes
        With one box a number.

    Raises
    ------
    ValueError
        If there are more than 60 numbers, or one has not as many slopes as parents.
    """
    columns = _columns(root)
    places = _places(columns)
    n_columns = len(columns)
    n_rows = max(len(column) for column in columns)
    step = min(_COLUMN_IN, (_WIDTH_IN - _BOX_IN[0]) / max(1, n_columns - 1))
    size = ((n_columns - 1) * step + _BOX_IN[0], n_rows * _ROW_IN)
    axes = plt.subplots(figsize=(size[0], size[1] + 0.5))[1]
    axes.set(
        xlim=(-_BOX_IN[0] / 2 - 0.03, size[0] - _BOX_IN[0] / 2 + 0.03), ylim=(-size[1] / 2, size[1] / 2), title=title
    )
    axes.set_axis_off()
    axes.figure.supxlabel(KEY, fontsize=9)
    inches = {id(node): (column * step, height * _ROW_IN) for node, (column, height) in places}
    for node, _ in places:
        for place, (parent, slope) in enumerate(zip(node.parents, node.slopes, strict=True)):
            others = [number for number, other in enumerate(node.parents) if other is parent and number != place]
            shift = _TWIN_IN * (1 if others and others[0] > place else -1 if others else 0)
            _draw_arrow(axes, inches[id(parent)], inches[id(node)], slope, shift)
        _draw_box(axes, inches[id(node)], node)
    return quiet(axes)


def _columns(root: Node) -> list[list[Node]]:
    """All numbers by their longest way to the result, the result last."""
    order = history(root)
    columns = defaultdict(list)
    if len(order) > MAX_NODES:
        raise ValueError(
            f"the graph has {len(order)} numbers; expected at most {MAX_NODES}. Draw the loss of one voxel only."
        )
    distance = {id(root): 0}
    for node in reversed(order):
        for parent in node.parents:
            distance[id(parent)] = max(distance.get(id(parent), 0), distance[id(node)] + 1)
        columns[distance[id(node)]].append(node)
    return [columns[number][::-1] for number in sorted(columns, reverse=True)]


def _places(columns: list[list[Node]]) -> list[tuple[Node, tuple[int, float]]]:
    """Column and height of every number; a column is ordered like the children of its numbers, to cross few arrows."""
    heights: dict[int, list[float]] = defaultdict(list)
    places = []
    for number in range(len(columns) - 1, -1, -1):
        means = {id(node): sum(above) / len(above) for node in columns[number] if (above := heights[id(node)])}
        column = sorted(columns[number], key=lambda node: -means.get(id(node), 0.0))
        for row, node in enumerate(column):
            height = (len(column) - 1) / 2 - row
            places.append((node, (number, height)))
            for place, parent in enumerate(node.parents):
                heights[id(parent)].append(height - 0.1 * place)  # the first parent above the second
    return places


def _draw_arrow(axes: Axes, start: tuple, end: tuple, slope: float, shift: float) -> None:
    start = (start[0] + _BOX_IN[0] / 2, start[1] + shift)
    end = (end[0] - _BOX_IN[0] / 2, end[1] + shift)
    style = {"arrowstyle": "-|>", "color": "0.6", "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=style, zorder=1)
    if (label := f"{slope:.2g}") != "1":
        place = [a + _LABEL_AT * (b - a) for a, b in zip(start, end, strict=True)]
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
        axes.text(*place, label, fontsize=7, color="0.2", ha="center", va="center", bbox=paper, zorder=2)


def _draw_box(axes: Axes, place: tuple[float, float], node: Node) -> None:
    width, height = _BOX_IN
    corner = place[0] - width / 2, place[1] - height / 2
    face = "white" if node.parents else "#E8F1F8"
    shape = "round,pad=0,rounding_size=0.06"
    axes.add_patch(FancyBboxPatch(corner, width, height, boxstyle=shape, facecolor=face, edgecolor="0.3", zorder=3))
    for shift, text, colour in ((0.17, node.name, "0.3"), (0.0, _short(node.data), "black")):
        axes.text(place[0], place[1] + shift, text, fontsize=8, color=colour, ha="center", va="center", zorder=4)
    grad = _short(node.grad)
    axes.text(place[0], place[1] - 0.17, grad, fontsize=8, color=COLOURS[1], ha="center", va="center", zorder=4)


def _short(number: float) -> str:
    return f"{number:.2g}" if 0 < abs(number) < 0.01 else f"{number:.2f}"
