"""Answers to the exercises of this lesson that its checks must reject, and others that they must accept."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

WRONG = {
    "my_adjoint": {
        "no conjugate": """
def my_adjoint(kspace, smaps, mask):
    return (smaps * ifft2c(mask * kspace)).sum(dim=-3)
""",
        "mask forgotten, data are zero there anyway": """
def my_adjoint(kspace, smaps, mask):
    return (smaps.conj() * ifft2c(kspace)).sum(dim=-3)
""",
        "forward transform": """
def my_adjoint(kspace, smaps, mask):
    return (smaps.conj() * fft2c(mask * kspace)).sum(dim=-3)
""",
        "twice the adjoint": """
def my_adjoint(kspace, smaps, mask):
    return 2 * (smaps.conj() * ifft2c(mask * kspace)).sum(dim=-3)
""",
        "mean over the coils": """
def my_adjoint(kspace, smaps, mask):
    return (smaps.conj() * ifft2c(mask * kspace)).mean(dim=-3)
""",
        "magnitude": """
def my_adjoint(kspace, smaps, mask):
    return (smaps.conj() * ifft2c(mask * kspace)).sum(dim=-3).abs()
""",
        "real part": """
def my_adjoint(kspace, smaps, mask):
    return (smaps.conj() * ifft2c(mask * kspace)).sum(dim=-3).real
""",
        "root sum of squares": """
def my_adjoint(kspace, smaps, mask):
    return ifft2c(mask * kspace).abs().square().sum(dim=-3).sqrt()
""",
        "uncentred transform": """
def my_adjoint(kspace, smaps, mask):
    return (smaps.conj() * torch.fft.ifft2(mask * kspace, norm="ortho")).sum(dim=-3)
""",
        "centred for even sizes only": """
def my_adjoint(kspace, smaps, mask):
    shifted = torch.fft.fftshift(mask * kspace, dim=(-2, -1))
    coil_images = torch.fft.fftshift(torch.fft.ifft2(shifted, norm="ortho"), dim=(-2, -1))
    return (smaps.conj() * coil_images).sum(dim=-3)
""",
        "not orthonormal": """
def my_adjoint(kspace, smaps, mask):
    shifted = torch.fft.ifftshift(mask * kspace, dim=(-2, -1))
    coil_images = torch.fft.fftshift(torch.fft.ifft2(shifted), dim=(-2, -1))
    return (smaps.conj() * coil_images).sum(dim=-3)
""",
        "sum over the first axis": """
def my_adjoint(kspace, smaps, mask):
    return (smaps.conj() * ifft2c(mask * kspace)).sum(dim=0)
""",
        "coils not combined": """
def my_adjoint(kspace, smaps, mask):
    return smaps.conj() * ifft2c(mask * kspace)
""",
        "conjugate of the result": """
def my_adjoint(kspace, smaps, mask):
    return (smaps * ifft2c(mask * kspace).conj()).sum(dim=-3)
""",
        "mask in image space": """
def my_adjoint(kspace, smaps, mask):
    return mask * (smaps.conj() * ifft2c(kspace)).sum(dim=-3)
""",
        "only the first frame": """
def my_adjoint(kspace, smaps, mask):
    image = (smaps.conj() * ifft2c(mask * kspace)).sum(dim=-3)
    return image[:1].expand_as(image)
""",
    },
    "my_point_spread": {
        "not scaled": """
def my_point_spread(mask):
    return ifft2c(mask.to(torch.complex64))
""",
        "scaled by the largest real part": """
def my_point_spread(mask):
    spread = ifft2c(mask.to(torch.complex64))
    return spread / mask.sum()
""",
        "magnitude": """
def my_point_spread(mask):
    spread = ifft2c(mask.to(torch.complex64)).abs()
    return spread / spread.max()
""",
        "real part": """
def my_point_spread(mask):
    spread = ifft2c(mask.to(torch.complex64)).real
    return (spread / spread.max()).to(torch.complex64)
""",
        "forward transform, mirrored": """
def my_point_spread(mask):
    spread = fft2c(mask.to(torch.complex64))
    return spread / spread[mask.shape[0] // 2, mask.shape[1] // 2]
""",
        "peak in the corner": """
def my_point_spread(mask):
    spread = torch.fft.ifft2(torch.fft.ifftshift(mask).to(torch.complex64))
    return spread / spread[0, 0]
""",
        "zero frequency expected in the corner": """
def my_point_spread(mask):
    spread = torch.fft.fftshift(torch.fft.ifft2(mask.to(torch.complex64)))
    return spread / spread[mask.shape[0] // 2, mask.shape[1] // 2]
""",
        "centred for even sizes only": """
def my_point_spread(mask):
    spread = torch.fft.fftshift(torch.fft.ifft2(torch.fft.fftshift(mask).to(torch.complex64)))
    return spread / spread.abs().max()
""",
        "power": """
def my_point_spread(mask):
    spread = ifft2c(mask.to(torch.complex64))
    return (spread / spread[mask.shape[0] // 2, mask.shape[1] // 2]) ** 2
""",
        "only along ky": """
def my_point_spread(mask):
    line = ifft2c(mask[:, :1].to(torch.complex64))
    return line / line[mask.shape[0] // 2]
""",
        "right for points, wrong for lines": """
def my_point_spread(mask):
    spread = ifft2c(mask.to(torch.complex64).expand(-1, max(mask.shape[1], 24)))
    return spread / spread[mask.shape[0] // 2, spread.shape[1] // 2]
""",
    },
    "my_nufft": {
        "sign of the exponent": """
def my_nufft(image, trajectory):
    positions = torch.cartesian_prod(*(torch.arange(n) - n // 2 for n in image.shape)).float()
    return torch.exp(2j * torch.pi * (trajectory @ positions.T)) @ image.flatten() / image.numel() ** 0.5
""",
        "no scale": """
def my_nufft(image, trajectory):
    positions = torch.cartesian_prod(*(torch.arange(n) - n // 2 for n in image.shape)).float()
    return torch.exp(-2j * torch.pi * (trajectory @ positions.T)) @ image.flatten()
""",
        "scaled by the number of pixels": """
def my_nufft(image, trajectory):
    positions = torch.cartesian_prod(*(torch.arange(n) - n // 2 for n in image.shape)).float()
    return torch.exp(-2j * torch.pi * (trajectory @ positions.T)) @ image.flatten() / image.numel()
""",
        "scaled by the number of samples": """
def my_nufft(image, trajectory):
    positions = torch.cartesian_prod(*(torch.arange(n) - n // 2 for n in image.shape)).float()
    return torch.exp(-2j * torch.pi * (trajectory @ positions.T)) @ image.flatten() / len(trajectory) ** 0.5
""",
        "origin at the first pixel": """
def my_nufft(image, trajectory):
    positions = torch.cartesian_prod(*(torch.arange(n) for n in image.shape)).float()
    return torch.exp(-2j * torch.pi * (trajectory @ positions.T)) @ image.flatten() / image.numel() ** 0.5
""",
        "origin between the pixels, right for odd sizes": """
def my_nufft(image, trajectory):
    positions = torch.cartesian_prod(*(torch.arange(n) - (n - 1) / 2 for n in image.shape)).float()
    return torch.exp(-2j * torch.pi * (trajectory @ positions.T)) @ image.flatten() / image.numel() ** 0.5
""",
        "origin rounded up, right for even sizes": """
def my_nufft(image, trajectory):
    positions = torch.cartesian_prod(*(torch.arange(n) - (n + 1) // 2 for n in image.shape)).float()
    return torch.exp(-2j * torch.pi * (trajectory @ positions.T)) @ image.flatten() / image.numel() ** 0.5
""",
        "ky and kx exchanged": """
def my_nufft(image, trajectory):
    positions = torch.cartesian_prod(*(torch.arange(n) - n // 2 for n in image.shape)).float()
    waves = torch.exp(-2j * torch.pi * (trajectory.flip(1) @ positions.T))
    return waves @ image.flatten() / image.numel() ** 0.5
""",
        "no 2 pi": """
def my_nufft(image, trajectory):
    positions = torch.cartesian_prod(*(torch.arange(n) - n // 2 for n in image.shape)).float()
    return torch.exp(-1j * (trajectory @ positions.T)) @ image.flatten() / image.numel() ** 0.5
""",
        "magnitude of the image": """
def my_nufft(image, trajectory):
    positions = torch.cartesian_prod(*(torch.arange(n) - n // 2 for n in image.shape)).float()
    waves = torch.exp(-2j * torch.pi * (trajectory @ positions.T))
    return waves @ image.abs().flatten().to(waves.dtype) / image.numel() ** 0.5
""",
        "nearest point of the grid": """
def my_nufft(image, trajectory):
    kspace = fft2c(image)
    ky = (trajectory[:, 0] * image.shape[0]).round().long() + image.shape[0] // 2
    kx = (trajectory[:, 1] * image.shape[1]).round().long() + image.shape[1] // 2
    return kspace[ky.clamp(0, image.shape[0] - 1), kx.clamp(0, image.shape[1] - 1)]
""",
        "the grid, whatever the trajectory": """
def my_nufft(image, trajectory):
    return fft2c(image).flatten().repeat(2 + len(trajectory) // image.numel())[: len(trajectory)]
""",
    },
}

RIGHT = {
    "my_adjoint": {
        "einsum": """
def my_adjoint(kspace, smaps, mask):
    return torch.einsum("cyx,...cyx->...yx", smaps.conj(), ifft2c(torch.where(mask, kspace, 0)))
""",
        "the library": """
def my_adjoint(kspace, smaps, mask):
    return SenseOperator(smaps, mask).adjoint(kspace)
""",
        "coil by coil": """
def my_adjoint(kspace, smaps, mask):
    image = 0
    for coil, smap in enumerate(smaps):
        image = image + smap.conj() * ifft2c(mask * kspace[..., coil, :, :])
    return image
""",
    },
    "my_point_spread": {
        "scaled by the number of samples": """
def my_point_spread(mask):
    return ifft2c(mask + 0j) * mask.numel() ** 0.5 / mask.sum()
""",
        "image of a point": """
def my_point_spread(mask):
    point = torch.zeros(mask.shape, dtype=torch.complex64)
    point[mask.shape[0] // 2, mask.shape[1] // 2] = 1
    return ifft2c(mask * fft2c(point)) / mask.float().mean()
""",
    },
    "my_nufft": {
        "two outer products": """
def my_nufft(image, trajectory):
    ny, nx = image.shape
    along_y = torch.exp(-2j * torch.pi * trajectory[:, :1] * (torch.arange(ny) - ny // 2))
    along_x = torch.exp(-2j * torch.pi * trajectory[:, 1:] * (torch.arange(nx) - nx // 2))
    return torch.einsum("ky,yx,kx->k", along_y, image, along_x) / (ny * nx) ** 0.5
""",
        "sample by sample": """
def my_nufft(image, trajectory):
    ny, nx = image.shape
    y, x = torch.arange(ny)[:, None] - ny // 2, torch.arange(nx) - nx // 2
    waves = [torch.exp(-2j * torch.pi * (ky * y + kx * x)) for ky, kx in trajectory]
    return torch.stack([(image * wave).sum() for wave in waves]) / (ny * nx) ** 0.5
""",
    },
}
