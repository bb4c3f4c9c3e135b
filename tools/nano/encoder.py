"""Step 1: the encoder, a SigLIP vision tower, learns what stands where.

Dense labels that the renderer knows: what each patch shows, where its thing's centre lies and how large it is, its colour;
fault, count and presence of the whole. A contrastive term: the mean feature of a thing's patches against sentence embeddings
of all names. The same mean, through a small network that is thrown away, predicts what a classifier trained on ImageNet makes
of that very picture (looks.py; SimReg, Navaneet et al. 2021). Most steps look at windows of 5 x 5 patches, which teach what a
thing is at a quarter of the cost; every fourth step sees whole pictures. The heads are linear and are published beside the tower.
"""
import dataclasses

import torch
import torch.nn.functional as F
import trainer
from camera import FAULTS
from torch import nn
from transformers import SiglipVisionConfig, SiglipVisionModel
from world import COLOUR_NAMES, GRID, IGNORE, KINDS, LOOK, SIZE, SLOTS

WIDTH, WINDOW = 256, 5
PHOTOS = 0.25  # share of whole photographs
COUNTS = ["none", "one", "two", "three", "many"]
PATCH_PARTS = {"kind": len(KINDS), "centre": 1, "box": 4, "colour": len(COLOUR_NAMES)}
WHOLE_PARTS = {"fault": len(FAULTS), "count": len(COUNTS), "presence": len(KINDS) - 1}


def vision_config() -> SiglipVisionConfig:
    # Attention of so few patches is a third faster written out than in torch's fused kernel.
    return SiglipVisionConfig(hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=8, num_attention_heads=4,
                              image_size=SIZE, patch_size=16, num_channels=3, vision_use_head=False, attn_implementation="eager")


class Encoder(nn.Module):
    def __init__(self, sentence_embeddings: torch.Tensor):
        super().__init__()
        self.tower = SiglipVisionModel(vision_config())
        self.patch = nn.Linear(WIDTH, sum(PATCH_PARTS.values()))
        self.whole = nn.Linear(2 * WIDTH, sum(WHOLE_PARTS.values()))  # on mean and maximum over the patches
        self.name = nn.Linear(WIDTH, sentence_embeddings.shape[1])
        self.look = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, LOOK))  # not published
        self.temperature = nn.Parameter(torch.tensor(2.3))
        self.register_buffer("sentences", sentence_embeddings)

    def features(self, pixels, keep=None):
        """[n, 3, 160, 160] in [0, 1] -> [n, 100, width]; keep: [n * times, k] patches to look at -> [n * times, k, width]."""
        tower = getattr(self.tower, "vision_model", self.tower)
        embedded = tower.embeddings(pixels * 2 - 1)
        if keep is not None:
            embedded = embedded.repeat(len(keep) // len(embedded), 1, 1)
            embedded = embedded.gather(1, keep[..., None].expand(-1, -1, WIDTH))
        return tower.post_layernorm(tower.encoder(inputs_embeds=embedded).last_hidden_state)

    def patch_heads(self, patches) -> dict:
        return dict(zip(PATCH_PARTS, self.patch(patches).float().split(list(PATCH_PARTS.values()), -1)))

    def whole_heads(self, patches) -> dict:
        pooled = torch.cat([patches.mean(1), patches.amax(1)], 1)
        return dict(zip(WHOLE_PARTS, self.whole(pooled).float().split(list(WHOLE_PARTS.values()), -1)))


def patch_centres(device):
    line = (torch.arange(GRID, device=device) + 0.5) / GRID
    return torch.stack([line.repeat(GRID), line.repeat_interleave(GRID)], -1)  # [100, 2] x, y


def patch_labels(scenes) -> dict:
    """[n, 100] each: kind, owner, 1 at a thing's centre (0 far from it, -1 next to it), box, colour, name."""
    n, device = len(scenes.kind), scenes.kind.device
    owner = scenes.owner.flatten(1)
    slot = owner.clamp(min=0)
    seen = owner >= 0
    box = scenes.box.gather(1, slot[..., None].expand(-1, -1, 4))
    offset = torch.cat([box[..., :2] - patch_centres(device), box[..., 2:]], -1)
    centre = torch.where(scenes.patch_kind == IGNORE, -1, 0)
    # The patch in which the centre lies, if the thing is seen there at all; its neighbours are left out of the loss.
    visible = torch.stack([(owner == s).any(1) for s in range(SLOTS)], 1) & (scenes.kind > 0)
    cell = (scenes.box[..., :2] * GRID).long().clamp(0, GRID - 1)
    for s in range(SLOTS):
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                at = (cell[:, s, 1] + dy).clamp(0, GRID - 1) * GRID + (cell[:, s, 0] + dx).clamp(0, GRID - 1)
                rows = torch.nonzero(visible[:, s])[:, 0]
                near = centre[rows, at[rows]]
                centre[rows, at[rows]] = torch.where(near == 1, 1, -1)
    for s in range(SLOTS):
        rows = torch.nonzero(visible[:, s])[:, 0]
        centre[rows, cell[rows, s, 1] * GRID + cell[rows, s, 0]] = 1
    colour = torch.where(seen & ~scenes.grey[:, None], scenes.colour.gather(1, slot), -1)
    name = torch.where(seen, scenes.name.gather(1, slot), -100)
    look = torch.where(seen, scenes.look.gather(1, slot), -1)
    return {"kind": scenes.patch_kind, "owner": owner, "centre": centre, "box": offset, "colour": colour, "name": name, "look": look}


def whole_labels(scenes) -> dict:
    visible = (scenes.fault != FAULTS.index("black")) & (scenes.fault != FAULTS.index("covered"))
    count = (scenes.kind > 0).sum(1).clamp(max=len(COUNTS) - 1) * visible
    presence = torch.stack([((scenes.kind == k).any(1) | (scenes.patch_kind == k).any(1)) & visible for k in range(1, len(KINDS))], 1)
    return {"fault": scenes.fault, "count": torch.where(scenes.photo & visible, -1, count), "presence": presence.float()}


def windows(scenes, times):
    """[n * times, 25] patch indices: 5 x 5 windows round a thing's patch, or anywhere."""
    n, device = len(scenes.kind), scenes.kind.device
    weight = torch.where(scenes.owner.flatten(1) >= 0, 4.0, 0.3)
    at = torch.multinomial(weight, times).T.reshape(-1)  # scene by scene, then again
    jitter = torch.randint(-2, 3, (2, len(at)), device=device)
    half = WINDOW // 2
    row = (at // GRID + jitter[0]).clamp(half, GRID - 1 - half) - half
    column = (at % GRID + jitter[1]).clamp(half, GRID - 1 - half) - half
    step = torch.arange(WINDOW, device=device)
    return ((row[:, None, None] + step[:, None]) * GRID + column[:, None, None] + step).flatten(1)


def loss_of(model, scenes, looks, whole: bool):
    label, pixels, keep = patch_labels(scenes), scenes.pixels[:, -1], None
    if not whole:
        keep = windows(scenes, 2)
        label = {k: v.repeat(2, *[1] * (v.dim() - 1)) for k, v in label.items()}
        label = {k: v.gather(1, keep if v.dim() == 2 else keep[..., None].expand(-1, -1, 4)) for k, v in label.items()}
    patches = model.features(pixels, keep)
    guess = model.patch_heads(patches)
    weight = torch.tensor([0.35, 1.0, 1.1, 1.1, 1.0], device=pixels.device)
    total = F.cross_entropy(guess["kind"].flatten(0, 1), label["kind"].flatten(), weight=weight, ignore_index=IGNORE)
    judged = label["centre"] >= 0
    truth = label["centre"][judged].float()
    bce = F.binary_cross_entropy_with_logits(guess["centre"][..., 0][judged], truth, weight=1 + 7 * truth)
    seen = label["owner"] >= 0
    total = total + bce + 3.0 * F.l1_loss(guess["box"][seen], label["box"][seen])
    coloured = label["colour"] >= 0
    if coloured.any():
        share = torch.ones(len(COLOUR_NAMES), device=pixels.device)
        share[-1] = 0.2
        total = total + 0.3 * F.cross_entropy(guess["colour"][coloured], label["colour"][coloured], weight=share)
    mean, size = thing_means(patches, label["owner"])
    total = total + 0.4 * naming(model, mean, size, label) + 1.5 * resembling(model, mean, size, label, looks)
    if whole:
        answer, truth = model.whole_heads(patches), whole_labels(scenes)
        total = total + 0.5 * F.cross_entropy(answer["fault"], truth["fault"])
        total = total + 0.5 * F.cross_entropy(answer["count"], truth["count"], ignore_index=-1)
        surely = torch.cat([torch.ones_like(truth["presence"][:, :3]), (~scenes.photo)[:, None].float()], 1)
        total = total + 0.5 * F.binary_cross_entropy_with_logits(answer["presence"], truth["presence"], weight=surely)
    return total


def thing_means(patches, owner):
    """Mean feature of each slot's patches [n, slots, width], and of how many patches."""
    mine = F.one_hot(owner.clamp(min=0), SLOTS) * (owner >= 0)[..., None]
    size = mine.sum(1)
    return torch.einsum("nps,npw->nsw", mine.to(patches.dtype), patches) / size.clamp(min=1)[..., None], size


def of_slots(label, key):
    """[n, slots] the slot's own value; below -100 where it is not seen."""
    mine = F.one_hot(label["owner"].clamp(min=0), SLOTS) * (label["owner"] >= 0)[..., None]
    return (mine * (label[key][..., None] + 1000)).amax(1) - 1000


def resembling(model, mean, size, label, looks):
    look = of_slots(label, "look")
    known = (size >= 3) & (look >= 0)
    if not known.any():
        return mean.sum() * 0
    return (1 - F.cosine_similarity(model.look(mean[known]).float(), looks[look[known]], dim=-1)).mean()


def naming(model, mean, size, label):
    name = of_slots(label, "name")
    named = (size >= 3) & (name >= 0)
    if not named.any():
        return mean.sum() * 0
    guess = F.normalize(model.name(mean[named]).float(), dim=-1) @ model.sentences.T
    return F.cross_entropy(guess * model.temperature.exp().clamp(max=50), name[named])


def mirrored(scenes):
    """The same scenes with left and right swapped: other windows of them teach anew, and rendering costs a third of a step."""
    box = scenes.box.clone()
    box[..., 0] = 1 - box[..., 0]
    patch_kind = scenes.patch_kind.view(-1, GRID, GRID).flip(2).flatten(1)
    return dataclasses.replace(scenes, pixels=scenes.pixels.flip(-1), box=box, shift=-scenes.shift, owner=scenes.owner.flip(2), patch_kind=patch_kind)


def train(model, world, minutes, batch, rate, checkpoint, log, resume, workers=1):
    last = []

    def scenes_for(step, whole):
        if whole:
            return world.render(batch // 2, photos=PHOTOS)
        if last:
            return mirrored(last.pop())
        last.append(world.render(batch, photos=PHOTOS, faults=step % 8 == 0))
        return last[0]

    def loss(step, rank):
        whole = (step + rank) % 4 == 3
        scenes = scenes_for(step, whole)
        with torch.autocast(world.device.type, torch.bfloat16):
            return loss_of(model, scenes, world.looks, whole)
    inner = [p for name, p in model.tower.named_parameters() if p.dim() == 2 and "encoder.layers" in name]
    chosen = {id(p) for p in inner}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return trainer.train(model, loss, [(rest, rate, False), (inner, rate, True)], minutes, checkpoint, log, "encoder", resume, workers)
