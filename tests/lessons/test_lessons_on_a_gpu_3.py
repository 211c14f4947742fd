"""A quarter of the lessons on a pretend GPU; lesson_on_a_gpu.py says what is tested."""

import pytest
from lesson_on_a_gpu import compute_on_the_gpu, share_of_lessons


@pytest.mark.parametrize(**share_of_lessons(3))
def test_the_lesson_computes_on_the_gpu(source):
    compute_on_the_gpu(source)
