"""The camera between the scene and the model: light, grey, night, noise, compression, and faults."""
import torch
import torch.nn.functional as F

FAULTS = ["clear", "black", "overexposed", "blurred", "noisy", "blocky", "garbled", "covered"]
FAULT_SHARE = [.62, .03, .05, .07, .06, .06, .06, .05]


class Camera:
    def __init__(self, device):
        self.device = device
        k, n = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
        basis = torch.cos((2 * n + 1) * k * torch.pi / 16) * 0.5
        basis[0] *= 0.5 ** 0.5
        self.basis = basis.to(device)

    def _u(self, n, *shape, low=0.0, high=1.0):
        return torch.rand(n, *(shape or (1, 1, 1)), device=self.device) * (high - low) + low

    def shoot(self, images: list, faults):
        """Frames of the same scenes -> [n, frames, 3, h, w]; index of each scene's fault; which are grey.

        faults: whether there are any, or the name of the one that all have.
        """
        n = len(images[0])
        only = faults if isinstance(faults, str) else "" if faults else "clear"
        share = torch.tensor([float(name == only) for name in FAULTS] if only else FAULT_SHARE, device=self.device)
        fault = torch.multinomial(share, n, replacement=True)
        grey, soft, night = (torch.rand(n, device=self.device) < p for p in (0.12, 0.35, 0.12))
        light = self._u(n, low=0.6, high=1.15), self._u(n, low=0.75, high=1.35), self._u(n, low=0.7, high=1.15)
        torn = [self._u(n, 1), self._u(n, 3, 3, 3), self._u(n, 3, 1, 1)]
        frames = [self._frame(image, fault, grey, soft, night, light, torn) for image in images]
        return torch.stack(frames, 1), fault, grey

    def _frame(self, image, fault, grey, soft, night, light, torn):
        n, side = len(image), image.shape[-1]
        gain, gamma, contrast = light
        image = ((image * gain).clamp(1e-4, 1) ** gamma - 0.5) * contrast + 0.5
        image = torch.where(night[:, None, None, None], image * 0.38, image)
        image[grey] = image[grey].mean(1, keepdim=True).expand(-1, 3, -1, -1)
        image[soft] = blur(image[soft], side // 160, 1)
        rows = {name: torch.nonzero(fault == k)[:, 0] for k, name in enumerate(FAULTS)}
        image[rows["blurred"]] = blur(image[rows["blurred"]], side // 40, 3)
        m = len(rows["overexposed"])
        image[rows["overexposed"]] = image[rows["overexposed"]] * 0.35 + self._u(m, low=0.8)
        m = len(rows["garbled"])
        if m:
            torn_by = torch.where(self._u(m, side // 8) < 0.4, self._u(m, side // 8, low=-60, high=60), torch.zeros(()).to(image))
            columns = (torch.arange(side, device=self.device)[None, None] + torn_by.repeat_interleave(8, 1)[:, :, None].long()) % side
            image[rows["garbled"]] = image[rows["garbled"]].gather(3, columns[:, None].expand(m, 3, side, side))
        m = rows["covered"]
        image[m] = F.interpolate(torn[1][m] * 0.15 + torn[2][m] * 0.3, (side, side), mode="bilinear")
        noise = self._u(n, high=0.025) + 0.03 * night[:, None, None, None]
        noise[rows["noisy"]] = self._u(len(rows["noisy"]), low=0.16, high=0.3)
        grain = torch.randn_like(image[:, :1]) if n and float(torch.rand(())) < 0.5 else torch.randn_like(image)
        image = image + grain * noise
        m = rows["black"]
        image[m] = image[m] * 0.02 + self._u(len(m), high=0.03)
        image = image.clamp(0, 1)
        if len(rows["blocky"]) == 0 and float(torch.rand(())) < 0.5:  # as a good camera gives it
            return image
        step = self._u(n, low=0.01, high=0.16)
        step[rows["blocky"]] = self._u(len(rows["blocky"]), low=0.9, high=1.8)
        return self._compress(image, step).clamp(0, 1)

    def _compress(self, image, step):
        """Block transform and quantisation as in JPEG and H.264 key frames; coarser towards high frequencies."""
        n, side = len(image), image.shape[-1]
        blocks = image.view(n, 3, side // 8, 8, side // 8, 8).permute(0, 1, 2, 4, 3, 5)
        coefficients = self.basis @ blocks @ self.basis.T
        order = torch.arange(8, device=self.device)
        quantum = step[..., None, None] * ((1 + (order[:, None] + order[None])).float() * 0.5)
        coefficients = (coefficients / quantum).round() * quantum
        return (self.basis.T @ coefficients @ self.basis).permute(0, 1, 2, 4, 3, 5).reshape_as(image)


def blur(image, radius, times):
    for _ in range(times if len(image) else 0):
        image = F.avg_pool2d(F.pad(image, (radius,) * 4, mode="replicate"), 2 * radius + 1, 1)
    return image
