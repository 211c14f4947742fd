"""Graphs of numbers: order, gradients and picture."""

import math
from dataclasses import dataclass

import pytest
import torch

from mricourse.fundamentals.autograd import MAX_NODES, backward, draw_graph, history


@dataclass(eq=False)
class Number:
    data: float
    parents: tuple = ()
    slopes: tuple = ()
    name: str = "input"
    grad: float = 0.0

    def __add__(self, other):
        return Number(self.data + other.data, (self, other), (1.0, 1.0), "+")

    def __mul__(self, other):
        return Number(self.data * other.data, (self, other), (other.data, self.data), "×")

    def tanh(self):
        return Number(math.tanh(self.data), (self,), (1 - math.tanh(self.data) ** 2,), "tanh")


pytestmark = pytest.mark.usefixtures("style_kept")


def formula(a, b):
    c = a * b.tanh()
    return (c * c.tanh() + c).tanh() * a + b * b


def test_parents_come_before_their_children_and_each_once():
    a, b = Number(0.7), Number(-1.2)
    root = formula(a, b)
    order = history(root)
    places = {id(node): place for place, node in enumerate(order)}
    assert len(places) == len(order) and order[-1] is root and {id(a), id(b)} <= set(places)
    assert all(places[id(parent)] < places[id(node)] for node in order for parent in node.parents)


def test_gradients_equal_those_of_torch():
    numbers = Number(0.7), Number(-1.2)
    tensors = [torch.tensor(number.data, dtype=torch.float64, requires_grad=True) for number in numbers]
    backward(formula(*numbers))
    expected = torch.autograd.grad(formula(*tensors), tensors)
    assert [number.grad for number in numbers] == pytest.approx([float(grad) for grad in expected], abs=1e-14)


def test_gradients_add_up_over_calls():
    a = Number(3.0)
    backward(a * a)
    backward(a * a)
    assert a.grad == 12


def test_a_number_with_exponentially_many_paths_is_visited_once():
    start = node = Number(1.0)
    for _ in range(60):
        node = node + node
    backward(node)
    assert start.grad == 2.0**60 and len(history(node)) == 61


def test_a_long_chain_needs_no_recursion():
    start = node = Number(0.0)
    for _ in range(20_000):
        node = node + Number(0.0)
    backward(node)
    assert start.grad == 1


def test_missing_slopes_are_refused():
    broken = Number(1.0, (Number(1.0), Number(2.0)), (1.0,), "odd")
    with pytest.raises(ValueError, match="'odd' has 2 parents and 1 slopes"):
        backward(broken)


def test_the_picture_shows_every_value_gradient_and_slope():
    a, b = Number(0.5, name="weight"), Number(-0.25, name="echo")
    error = (a * b).tanh() + Number(2.0, name="target")
    loss = error * error
    backward(loss)
    axes = draw_graph(loss, title="one voxel")
    texts = [text.get_text() for text in axes.texts]
    assert axes.get_title() == "one voxel" and {"weight", "echo", "target", "tanh", "+"} <= set(texts)
    for node in history(loss):
        assert f"{node.data:.2f}" in texts and f"{node.grad:.2f}" in texts
    assert texts.count(f"{error.data:.2g}") == 2, "a number that is used twice sends two arrows"
    assert "1" not in texts, "slopes of one are not written"


def test_boxes_do_not_lie_on_each_other_and_arrows_point_right():
    numbers = Number(0.7), Number(-1.2)
    axes = draw_graph(formula(*numbers))
    corners = [(box.get_x(), box.get_y()) for box in axes.patches]
    width, height = axes.patches[0].get_width(), axes.patches[0].get_height()
    assert len(corners) == len(history(formula(*numbers)))
    for number, (x, y) in enumerate(corners):
        assert all(abs(x - u) >= width or abs(y - v) >= height for u, v in corners[:number])
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    assert arrows and all(arrow.xy[0] > arrow.get_position()[0] for arrow in arrows)


def test_one_number_alone_can_be_drawn():
    assert len(draw_graph(Number(0.001)).patches) == 1


def test_a_large_graph_is_refused():
    node = Number(1.0)
    for _ in range(MAX_NODES):
        node = node.tanh()
    with pytest.raises(ValueError, match="61 numbers; expected at most 60"):
        draw_graph(node)
