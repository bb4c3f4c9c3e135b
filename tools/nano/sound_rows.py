"""The sound projector: what the speech model's encoder made of a sound, as rows of the LLM's prompt.

Half a second of states at a time is pooled to mean and deviation; an MLP puts it among the LLM's embeddings.
"""
import json

import torch
import torch.nn.functional as F
from torch import nn

WIDTH = 384  # of Whisper tiny's encoder states
PER_ROW, MOST_ROWS = 25, 6  # states of a row; rows of a sound: the 3 s that the head listens to at a time


def pool(states):
    """Mean and deviation over the states: [n, w] -> [2 w]."""
    deviation = states.std(0) if len(states) > 1 else torch.zeros_like(states[0])
    return torch.cat([states.mean(0), deviation])


def pool_rows(states, per_row=PER_ROW, most=MOST_ROWS):
    """[n, w] -> [rows, 2 w]; what is left of a row at the end is not used, and a sound shorter than one is its own."""
    each = min(len(states), per_row)
    count = min(len(states) // each, most)
    return torch.stack([pool(states[i * each:(i + 1) * each]) for i in range(count)])


class SoundProjector(nn.Module):
    """[n, 2 * width] -> [n, hidden of the LLM]."""

    def __init__(self, hidden, width=WIDTH):
        super().__init__()
        wide = 2 * width
        self.layer_norm, self.linear_1, self.linear_2 = nn.LayerNorm(wide), nn.Linear(wide, wide), nn.Linear(wide, hidden)
        nn.init.normal_(self.linear_2.weight, std=0.1 / wide**0.5)  # as small as the word embeddings

    def inner(self, x):
        return F.gelu(self.linear_1(self.layer_norm(x)))

    def forward(self, x):
        return self.linear_2(self.inner(x))


def load_clips(path):
    """{"rows": [n, MOST_ROWS, 2 * width], "y": class index, "classes"} as sound.py has them."""
    clips = torch.load(path)
    if "rows" not in clips:
        raise SystemExit(f"{path}: has no rows: an older sound.py made it; remove it and run sound.py again")
    return clips


@torch.no_grad()
def align(projector, clips, embed, ids, checkpoint, log, ridge=1.0):
    """As language.align does it for pictures: each row of a sound shall be the mean of the embeddings of its name's words. The first
    layer stays random, the last is solved by ridge regression, in seconds; one clip in ten is kept to measure.

    embed: ids -> embeddings; ids: text -> ids.
    """
    device = projector.linear_1.weight.device
    names = torch.stack([embed(torch.tensor(ids(" " + name), device=device)).float().mean(0) for name in clips["classes"]])
    rows, y = clips["rows"].float().to(device), clips["y"].to(device)
    held = torch.arange(len(y), device=device) % 10 == 9

    def sums(keep):
        x = projector.inner(rows[keep]).flatten(0, 1)
        return torch.cat([x, torch.ones(len(x), 1, device=device)], 1), names[y[keep]].repeat_interleave(rows.shape[1], 0)

    x, target = sums(~held)
    solved = torch.linalg.solve(x.T @ x + ridge * torch.eye(x.shape[1], device=device), x.T @ target)
    projector.linear_2.weight.copy_(solved[:-1].T)
    projector.linear_2.bias.copy_(solved[-1])
    x, target = sums(held)
    left = float(((x @ solved - target) ** 2).mean() / target.var())
    # Which name a row is nearest to: what the LLM could tell at best without learning more.
    nearest = torch.cdist(x @ solved, names).argmin(1)
    right = float((nearest == y[held].repeat_interleave(rows.shape[1])).float().mean())
    log(f"sound projector: {int((~held).sum())} spans, of {int(held.sum())} held ones {left:.2f} of the variance unexplained, {right:.2f} of the rows next to "
        "their own name")
    checkpoint({"model": projector.state_dict(), "spent": {"spans": len(y)}})
    return {"spans": len(y), "unexplained": round(left, 2), "nearest": round(right, 2)}


def config(projector):
    return {"model_type": "pooled_mlp", "in": projector.linear_1.weight.shape[1] // 2, "pooling": ["mean", "std"], "states_per_row": PER_ROW,
            "most_rows": MOST_ROWS, "hidden": projector.linear_1.weight.shape[0], "out": projector.linear_2.weight.shape[0], "hidden_act": "gelu",
            "layer_norm_eps": 1e-5}


class Clips:
    """Rows of a sound by its name, for stories."""

    def __init__(self, clips, rng):
        self.rng = rng
        self.by_name = {name: clips["rows"][clips["y"] == i].float() for i, name in enumerate(clips["classes"])}

    def rows(self, name):
        """[MOST_ROWS, 2 * width] of one clip; None: there is none of that name."""
        mine = self.by_name.get(name.removeprefix("a "))
        return None if mine is None or not len(mine) else mine[self.rng.randrange(len(mine))]


def write(projector, folder, save):
    save(projector.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config(projector), indent=1) + "\n")
