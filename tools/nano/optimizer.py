"""AdamW, and Muon (Jordan et al. 2024) for the matrices inside a transformer: a step of equal length in all directions."""
import torch

# Polar Express (Amsel et al. 2025): the best odd polynomials for few iterations.
POLAR = [(8.2872, -23.5959, 17.3004), (4.1071, -2.9478, 0.5448), (3.9487, -2.9089, 0.5518), (3.3184, -2.4885, 0.5100)]


def orthogonal(matrices):
    """[m, rows, columns], rows <= columns -> all singular values about 1. In bf16, as Jordan et al.: half the time of f32, with AMX."""
    x = matrices.bfloat16()
    x = x / (x.norm(dim=(1, 2), keepdim=True) * 1.02 + 1e-7)
    for a, b, c in POLAR:
        gram = x @ x.mT
        x = a * x + torch.baddbmm(gram, gram, gram, beta=b, alpha=c) @ x
    return x.to(matrices.dtype)


class Muon(torch.optim.Optimizer):
    """Groups with "matrices" take Muon's step, scaled to the length that AdamW's has; the others AdamW's."""

    def __init__(self, groups, betas, weight_decay, momentum=0.95):
        super().__init__(groups, {"lr": 0.0, "matrices": False})
        rest = [{**group} for group in self.param_groups if not group["matrices"]]
        self.adam = torch.optim.AdamW(rest, betas=betas, weight_decay=weight_decay)
        self.decay, self.momentum = weight_decay, momentum

    @torch.no_grad()
    def step(self):
        rest = iter(self.adam.param_groups)
        for group in self.param_groups:
            if not group["matrices"]:
                next(rest)["lr"] = group["lr"]
                continue
            by_shape = {}
            for p in group["params"]:
                if p.grad is not None:
                    by_shape.setdefault(p.shape, []).append(p)
            for (rows, columns), members in by_shape.items():
                ahead = []
                for p in members:
                    kept = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    kept.lerp_(p.grad, 1 - self.momentum)
                    ahead.append(p.grad.lerp(kept, self.momentum))
                stack = torch.stack(ahead)
                stack = orthogonal(stack) if rows <= columns else orthogonal(stack.mT).mT
                for p, way in zip(members, stack):
                    p.mul_(1 - group["lr"] * self.decay)
                    p.add_(way, alpha=-group["lr"] * 0.2 * max(rows, columns) ** 0.5)
        self.adam.step()

    def state_dict(self):
        return {"muon": super().state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state):
        super().load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
