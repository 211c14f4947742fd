"""Answers to the exercises of this lesson: plausible wrong ones, and right ones written differently."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

SSIM = """
def my_ssim_loss(image, reference):
    x, r = {magnitudes}
    c1, c2 = (0.01 * {peak}) ** 2, ({k2} * {peak}) ** 2
    mean_x, mean_r, xx, rr, xr = (avg_pool2d(z[None], 7, {pool}) for z in (x, r, x * x, r * r, x * r))
    luminance = (2 * mean_x * mean_r + c1) / (mean_x**2 + mean_r**2 + c1)
    cov, spread = {unbiased} * (xr - mean_x * mean_r), {unbiased} * (xx + rr - mean_x**2 - mean_r**2)
    return {result}
"""
PARTS = {
    "magnitudes": "image.abs(), reference.abs()",
    "peak": "r.max()",
    "k2": "0.03",
    "pool": "stride=1",
    "unbiased": "49 / 48",
    "result": "1 - (luminance * (2 * cov + c2) / (spread + c2)).mean()",
}


def ssim(**changed):
    return SSIM.format(**(PARTS | changed))


STEP = """
def my_critic_step(critic, real, made, rate):
    weights = list(critic.parameters())
    {loss}
    slopes = torch.autograd.grad(loss, weights)
    return loss, [{step} for w, s in zip(weights, slopes, strict=True)]
"""


def step(
    loss="loss = (1 - critic(real)).relu().mean() + (1 + critic(made)).relu().mean()",
    step="w - rate * s / (s.abs() + 1e-8)",
):
    return STEP.format(loss=loss, step=step)


WRONG = {
    "my_ssim_loss": {
        "the similarity, not the loss": ssim(result="(luminance * (2 * cov + c2) / (spread + c2)).mean()"),
        "variances over 49": ssim(unbiased="1"),
        "real part instead of magnitude": ssim(magnitudes="image.real, reference.real"),
        "largest of the image": ssim(peak="x.max()"),
        "brightest pixel taken as 1": ssim(peak="1"),
        "both constants the same": ssim(k2="0.01"),
        "padded windows": ssim(pool="stride=1, padding=3"),
        "windows side by side": ssim(pool="stride=7"),
        "luminance forgotten": ssim(result="1 - ((2 * cov + c2) / (spread + c2)).mean()"),
        "structure forgotten": ssim(result="1 - luminance.mean()"),
        "covariance once": ssim(result="1 - (luminance * (cov + c2) / (spread + c2)).mean()"),
        "product of the means": ssim(result="1 - luminance.mean() * ((2 * cov + c2) / (spread + c2)).mean()"),
        "one window": """
def my_ssim_loss(image, reference):
    x, r = image.abs(), reference.abs()
    c1, c2 = (0.01 * r.max()) ** 2, (0.03 * r.max()) ** 2
    cov = ((x - x.mean()) * (r - r.mean())).sum() / (x.numel() - 1)
    luminance = (2 * x.mean() * r.mean() + c1) / (x.mean() ** 2 + r.mean() ** 2 + c1)
    return 1 - luminance * (2 * cov + c2) / (x.var() + r.var() + c2)
""",
    },
    "my_critic_step": {
        "up the slope": step(step="w + rate * s / (s.abs() + 1e-8)"),
        "plain gradient descent": step(step="w - rate * s"),
        "rate forgotten": step(step="w - s / (s.abs() + 1e-8)"),
        "length of all slopes": step(step="w - rate * s / (s.norm() + 1e-8)"),
        "real and made swapped": step("loss = (1 + critic(real)).relu().mean() + (1 - critic(made)).relu().mean()"),
        "no hinge": step("loss = (1 - critic(real)).mean() + (1 + critic(made)).mean()"),
        "hinge at zero": step("loss = (-critic(real)).relu().mean() + critic(made).relu().mean()"),
        "one mean over all patches": step(
            "loss = torch.cat([(1 - critic(real)).relu(), (1 + critic(made)).relu()]).mean() * 2"
        ),
        "half of it": step("loss = ((1 - critic(real)).relu().mean() + (1 + critic(made)).relu().mean()) / 2"),
        "sums": step("loss = (1 - critic(real)).relu().sum() + (1 + critic(made)).relu().sum()"),
        "made images only": step("loss = (1 + critic(made)).relu().mean()"),
        "cross entropy": step(
            "loss = torch.nn.functional.softplus(-critic(real)).mean() "
            "+ torch.nn.functional.softplus(critic(made)).mean()"
        ),
    },
}

RIGHT = {
    "my_ssim_loss": {
        "windows unfolded, variances by torch": """
def my_ssim_loss(image, reference):
    x, r = (z.abs().unfold(0, 7, 1).unfold(1, 7, 1).flatten(2) for z in (image, reference))
    c1, c2 = (0.01 * reference.abs().amax()) ** 2, (0.03 * reference.abs().amax()) ** 2
    m, n = x.mean(-1), r.mean(-1)
    cov = ((x - m[..., None]) * (r - n[..., None])).sum(-1) / 48
    map = (2 * m * n + c1) * (2 * cov + c2) / ((m**2 + n**2 + c1) * (x.var(-1) + r.var(-1) + c2))
    return torch.mean(1 - map)
""",
        "loops": """
def my_ssim_loss(image, reference):
    x, r, total, n = image.abs(), reference.abs(), 0, 0
    c1, c2 = 1e-4 * r.max() ** 2, 9e-4 * r.max() ** 2
    for u in range(x.shape[0] - 6):
        for v in range(x.shape[1] - 6):
            a, b = x[u : u + 7, v : v + 7], r[u : u + 7, v : v + 7]
            cov = torch.cov(torch.stack([a.flatten(), b.flatten()]))
            total += (2 * a.mean() * b.mean() + c1) / (a.mean() ** 2 + b.mean() ** 2 + c1) * (
                2 * cov[0, 1] + c2) / (cov[0, 0] + cov[1, 1] + c2)
            n += 1
    return 1 - total / n
""",
    },
    "my_critic_step": {
        "the optimiser of torch": """
def my_critic_step(critic, real, made, rate):
    optimiser = torch.optim.Adam(critic.parameters(), lr=rate, betas=(0.5, 0.9))
    before = [w.detach().clone() for w in critic.parameters()]
    optimiser.zero_grad()
    loss = (1 - critic(real)).clamp(min=0).mean() + (1 + critic(made)).clamp(min=0).mean()
    loss.backward()
    optimiser.step()
    after = [w.detach().clone() for w in critic.parameters()]
    for w, old in zip(critic.parameters(), before):
        w.data.copy_(old)
    return loss.detach(), after
""",
        "slopes by backward": """
def my_critic_step(critic, real, made, rate):
    scores = critic(real), critic(made)
    loss = torch.maximum(1 - scores[0], torch.zeros(())).mean() + torch.maximum(1 + scores[1], torch.zeros(())).mean()
    loss.backward()
    return loss, [w - rate * w.grad / (1e-8 + abs(w.grad)) for w in critic.parameters()]
""",
    },
}
