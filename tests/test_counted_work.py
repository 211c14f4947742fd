"""The counts of arithmetic are those of textbooks, and go to the device that computed."""

import math
from pathlib import Path

import pytest
import torch
from counted_work import counted_work
from pretend_gpu import pretend_gpu
from torch import nn

from mricourse.physics.fourier import fft2c
from mricourse.physics.radon import RadonOperator


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (lambda: torch.ones(3, 4) @ torch.ones(4, 5), 2 * 3 * 4 * 5),
        (lambda: torch.ones(3, 4, dtype=torch.complex64) @ torch.ones(4, 5, dtype=torch.complex64), 8 * 3 * 4 * 5),
        (lambda: torch.einsum("bij,bjk->bik", torch.ones(2, 3, 4), torch.ones(2, 4, 5)), 2 * 2 * 3 * 4 * 5),
        (lambda: torch.vdot(torch.ones(6), torch.ones(6)), 2 * 6),
        (lambda: nn.functional.conv2d(torch.ones(1, 2, 8, 8), torch.ones(3, 2, 3, 3)), 2 * 3 * 2 * 9 * 36),
        (lambda: torch.fft.fft(torch.ones(7, 64, dtype=torch.complex64)), 7 * 5 * 64 * 6),
        (lambda: torch.ones(5) + torch.ones(5), 5),
        (lambda: torch.ones(4, 5).sum(), 20),
        (lambda: torch.linalg.cholesky(torch.eye(8)), 8**3),
        (lambda: torch.ones(4, 5).mT.reshape(20)[3:].clone(), 0),
        (lambda: torch.arange(5) * 2, 0),
        (lambda: torch.randn(50), 0),
    ],
)
def test_operations_are_counted_as_in_textbooks(compute, expected):
    with counted_work() as work:
        compute()
    assert work.operations["cpu"] == pytest.approx(expected)


def test_the_backward_pass_counts_twice():
    layer = nn.Conv2d(2, 4, 3, bias=False)
    image = torch.ones(1, 2, 10, 10, requires_grad=True)
    with counted_work() as work:
        layer(image).sum().backward()
    assert work.by_name["cpu", "convolution_backward"] == 2 * work.by_name["cpu", "convolution"] == 4 * 4 * 2 * 9 * 64


def test_sparse_products_count_what_is_there():
    A = RadonOperator(torch.linspace(0, 3, 5), (8, 8))
    A._matrix  # noqa: B018
    with counted_work() as work:
        A.forward(torch.ones(8, 8))
    product = 2 * A._matrix._nnz()
    assert 0 < product <= work.operations["cpu"] <= product + 5  # five angles are compared with those of the matrix


def test_each_device_has_its_own_count():
    with pretend_gpu(), counted_work() as work:
        fft2c(torch.ones(16, 16, dtype=torch.complex64))
        fft2c(torch.ones(3, 16, 16, dtype=torch.complex64, device="cuda"))
    assert work.operations["cuda"] == 3 * work.operations["cpu"] >= 3 * 5 * 256 * math.log2(256)
    assert work.share("cuda") == 0.75


def test_what_a_folder_s_functions_compute_can_be_left_out():
    with counted_work(leave_out=[Path(fft2c.__code__.co_filename).parent]) as work:
        fft2c(torch.ones(16, 16))
        torch.ones(5) + 1
    assert work.operations["cpu"] == 5


def test_nothing_has_no_share():
    with counted_work() as work, pytest.raises(ValueError, match="no arithmetic was counted"):
        work.share("cuda")
