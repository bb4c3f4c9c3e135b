"""The small world that vedette-nano learns: rendered on the device, a whole batch at once.

A scene is a background (photograph, gradient, texture) with up to five things on it (cut-outs, feathered photographs,
plain coloured shapes), or a whole photograph with boxes; then a camera: aspect ratio, light, grey, night, noise, block
compression, and in four of ten scenes a fault. The renderer knows every label.
"""
import dataclasses
import io
import json
import zipfile

import numpy as np
import torch
import torch.nn.functional as F
from camera import FAULTS, Camera
from PIL import Image

SIZE, PATCH, GRID = 160, 16, 10
SPRITE, TILE, SLOTS = 112, 32, 5
KINDS = ["nothing", "person", "vehicle", "animal", "thing"]
SHAPES = ["circle", "square", "triangle", "star", "ring", "cross"]
COLOURS = {"red": (205, 35, 35), "orange": (240, 130, 25), "yellow": (240, 215, 45), "green": (45, 155, 60),
           "blue": (40, 80, 205), "purple": (130, 55, 165), "pink": (240, 130, 185), "brown": (120, 75, 40),
           "black": (22, 22, 24), "white": (242, 242, 242), "grey": (128, 128, 128)}
COLOUR_NAMES = list(COLOURS) + ["mixed"]  # mixed: no colour stands out
ASPECTS = (1.0, 4 / 3, 16 / 9)  # of the camera; the model sees every picture squeezed into a square
COUNT_SHARE = (.2, .3, .22, .14, .08, .06)  # of scenes with so many things
IGNORE = -1
LOOK = 256  # dimensions of what a classifier makes of a picture (looks.py)


@dataclasses.dataclass
class Scenes:
    pixels: torch.Tensor   # [n, frames, 3, 160, 160] in [0, 1]
    kind: torch.Tensor     # [n, slots] index into KINDS; 0: the slot is empty
    name: torch.Tensor     # [n, slots] index into World.names; shapes: -1 - shape; -100: empty
    colour: torch.Tensor   # [n, slots] index into COLOUR_NAMES, or -1 where it is not known
    look: torch.Tensor     # [n, slots] row of World.looks, or -1
    box: torch.Tensor      # [n, slots, 4] centre x, y, width, height in the last frame, shares of the picture
    shift: torch.Tensor    # [n, slots] way to the right per frame, share of the picture
    fault: torch.Tensor    # [n] index into FAULTS
    grey: torch.Tensor     # [n] the picture has no colours
    photo: torch.Tensor    # [n] a whole photograph: its count and its list of things are not complete
    owner: torch.Tensor    # [n, 10, 10] slot that covers most of a patch of the last frame, or -1
    patch_kind: torch.Tensor  # [n, 100] index into KINDS, or IGNORE


class Bank:
    """Pictures of things of one size: what they are and how often to draw each."""

    def __init__(self, images, extents, kinds, names, colours, truncated, looks, device):
        self.images = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous().to(device)  # [m, 4, s, s] u8
        self.extents = torch.tensor(extents, device=device)    # [m, 2] width and height, share of the canvas
        self.kinds = torch.tensor(kinds, device=device)
        self.names = torch.tensor(names, device=device)
        self.colours = torch.tensor(colours, device=device)
        self.looks = torch.tensor(looks, device=device)
        self.truncated = torch.tensor(truncated, device=device).view(-1, 4).bool()  # left, right, top, bottom

    def draw(self, kind):  # [k] -> [k] one picture of each wanted kind
        weights = torch.stack([(self.kinds == k).float() for k in range(len(KINDS))])
        return torch.multinomial(weights[kind], 1)[:, 0]

    def has(self, kind):
        return bool((self.kinds == kind).any())


def main_colour(rgba: np.ndarray) -> int:
    """The colour that covers most of a cut-out, "mixed" where none covers 45 %, -1 between the two."""
    pixels = rgba[rgba[..., 3] > 128][:, :3].astype(np.float32)
    if len(pixels) < 50:
        return -1
    high, low = pixels.max(1), pixels.min(1)
    chroma = high - low
    r, g, b = pixels.T
    hue = np.where(high == r, ((g - b) / np.maximum(chroma, 1)) % 6, np.where(high == g, (b - r) / np.maximum(chroma, 1) + 2,
                                                                            (r - g) / np.maximum(chroma, 1) + 4)) * 60
    label = np.full(len(pixels), -1)
    plain = chroma < np.maximum(0.18 * high, 12)
    label[plain & (high < 60)], label[plain & (high > 205)] = 8, 9
    label[plain & (high >= 75) & (high <= 180)] = 10
    vivid = (chroma > 0.42 * high) & (high > 70)
    for name, (first, last) in {"red": (345, 375), "orange": (20, 38), "yellow": (46, 66), "green": (80, 165), "blue": (195, 255),
                                "purple": (262, 300)}.items():
        within = ((hue >= first) & (hue < last)) | (hue + 360 < last)
        label[vivid & within] = COLOUR_NAMES.index(name)
    label[vivid & (hue >= 12) & (hue < 36) & (high < 150)] = COLOUR_NAMES.index("brown")
    share = np.bincount(label[label >= 0], minlength=len(COLOURS)) / len(pixels)
    return int(share.argmax()) if share.max() > 0.55 else len(COLOURS) if share.max() < 0.45 else -1


class World:
    def __init__(self, packed, split: str, sources: str, device: torch.device, size=SIZE, aspects=ASPECTS):
        """split: train or held; sources: clear or all (doubtful sets too); size: pixels of a rendered side."""
        self.device, self.camera, self.size, self.aspects = device, Camera(device), size, aspects
        held = split == "held"
        looks = packed / "looks.pt"  # what looks.py wrote; without it there is no teacher
        known = torch.load(looks) if looks.exists() else {"looks": torch.zeros(0, LOOK), "rows": {}}
        self.looks, self.look_rows = known["looks"].float().to(device), known["rows"]
        with zipfile.ZipFile(packed / "world.zip") as archive:
            index = json.loads(archive.read("index.json"))
            self.names = sorted({e["name"] for group in ("sprites", "boxes", "tiles") for e in index[group]})

            def usable(entry):
                clear = not entry["source"].startswith("doubtful")
                return entry.get("held", held) == held and (sources == "all" or clear)

            def load(entry):
                return Image.open(io.BytesIO(archive.read(entry["file"])))

            entries = {group: [(e, load(e)) for e in index[group] if usable(e)] for group in index}
        self.banks = [self._cut_outs(entries["sprites"], False), self._cut_outs(entries["boxes"], True)]
        if entries["tiles"]:
            self.banks.append(self._tiles(entries["tiles"], held))
        self._load_photos(entries["photos"])
        grounds = [np.asarray(image.convert("RGB")) for _, image in entries["backgrounds"]]
        self.backgrounds = torch.from_numpy(np.stack(grounds)).permute(0, 3, 1, 2).contiguous().to(device)
        self.summary = {"things": [len(bank.kinds) for bank in self.banks], "photos": len(self.photos), "backgrounds": len(grounds)}

    def _cut_outs(self, entries, feathered):
        images, extents, kinds, names, colours, truncated, looks = [], [], [], [], [], [], []
        for entry, image in entries:
            image = image.convert("RGBA")
            if feathered:
                image.putalpha(Image.fromarray(feather(*image.size)))
            pixels = np.asarray(image)
            canvas = np.zeros((SPRITE, SPRITE, 4), np.uint8)
            top, left = (SPRITE - image.height) // 2, (SPRITE - image.width) // 2
            canvas[top:top + image.height, left:left + image.width] = pixels
            images.append(canvas)
            extents.append((image.width / SPRITE, image.height / SPRITE))
            kinds.append(KINDS.index(entry["kind"]))
            names.append(self.names.index(entry["name"]))
            colours.append(-1 if feathered else main_colour(pixels))
            looks.append(self.look_rows.get(entry["file"], -1))
            truncated.append([side in entry.get("truncated", ()) for side in ("left", "right", "top", "bottom")])
        return Bank(images, extents, kinds, names, colours, truncated, looks, self.device)

    def _tiles(self, entries, held):
        images, kinds, names, looks, edge = [], [], [], [], feather(TILE, TILE)
        for entry, image in entries:
            sheet = np.asarray(image.convert("RGB"))
            for k in range(entry["count"]):
                if (k % 10 == 9) == held:
                    row, column = divmod(k, entry["columns"])
                    images.append(np.dstack([sheet[row * 32:row * 32 + 32, column * 32:column * 32 + 32], edge]))
                    kinds.append(KINDS.index(entry["kind"]))
                    names.append(self.names.index(entry["name"]))
                    looks.append(self.look_rows[entry["file"]] + k if entry["file"] in self.look_rows else -1)
        count = len(images)
        return Bank(images, [(1.0, 1.0)] * count, kinds, names, [-1] * count, [[False] * 4] * count, looks, self.device)

    def _load_photos(self, entries):
        self.photos, self.photo_boxes, self.photo_looks = [], [], []
        for entry, image in entries:
            pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).to(self.device)
            boxes = [[IGNORE if kind == "unsure" else KINDS.index(kind), self.names.index(name) if name in self.names else -100,
                      x, y, w, h, crowd] for kind, name, x, y, w, h, crowd in entry["boxes"]]
            self.photos.append(pixels)
            self.photo_boxes.append(torch.tensor(boxes, dtype=torch.float).view(-1, 7))
            self.photo_looks.append(self.look_rows.get(entry["file"], -1))

    def _u(self, *shape, low=0.0, high=1.0):
        return torch.rand(*shape, device=self.device) * (high - low) + low

    def _background(self, n):
        pick = torch.randint(len(self.backgrounds), (n,), device=self.device)
        scale = self._u(n, low=0.45, high=0.95)
        theta = torch.zeros(n, 2, 3, device=self.device)
        theta[:, 0, 0], theta[:, 1, 1] = scale * torch.where(self._u(n) < 0.5, -1.0, 1.0), scale
        theta[:, :, 2] = self._u(n, 2, low=-1, high=1) * (1 - scale)[:, None]
        grid = F.affine_grid(theta, (n, 3, self.size, self.size), align_corners=False)
        photo = F.grid_sample(self.backgrounds[pick].float() / 255, grid, align_corners=False, padding_mode="reflection")
        photo = photo * self._u(n, 3, 1, 1, low=0.75, high=1.2)  # grey photographs get a tint
        # asphalt, walls, lawns: one colour, uneven light, grain of three sizes
        plain = F.interpolate(self._u(n, 1, 2, 2, low=0.6), (self.size, self.size), mode="bilinear") * \
            (self._u(n, 1, 1, 1) + self._u(n, 3, 1, 1, low=-0.15, high=0.15)).clamp(0.05, 1)
        colours = F.interpolate(self._u(n, 3, 2, 2) * 0.5 + self._u(n, 1, 1, 1) * 0.5, (self.size, self.size), mode="bilinear")
        made = torch.where(self._u(n, 1, 1, 1) < 0.6, plain, colours)
        for cells, strength in ((5, 0.10), (20, 0.08), (80, 0.08)):
            noise = torch.randn(n, 1, cells, cells, device=self.device) * strength * self._u(n, 1, 1, 1)
            made = made + F.interpolate(noise, (self.size, self.size), mode="bilinear")
        return torch.where(self._u(n, 1, 1, 1) < 0.65, photo, made).clamp(0, 1)

    def _shapes(self, shape, colour):
        n = len(shape)
        y, x = torch.meshgrid(*[torch.linspace(-1, 1, SPRITE, device=self.device)] * 2, indexing="ij")
        angle, radius = torch.atan2(x, -y), (x * x + y * y).sqrt()
        star = 0.62 + 0.33 * torch.cos(5 * angle)
        inside = torch.stack([radius < 0.97, (x.abs() < 0.95) & (y.abs() < 0.95), (y > -0.95) & (x.abs() < (y + 0.95) / 2),
                              radius < star, (radius < 0.97) & (radius > 0.55),
                              ((x.abs() < 0.3) | (y.abs() < 0.3)) & (x.abs() < 0.97) & (y.abs() < 0.97)]).float()
        rgb = torch.tensor(list(COLOURS.values()), device=self.device).float()[colour] / 255
        shade = 1 + 0.12 * (x * self._u(n, 1, 1, low=-1, high=1) + y * self._u(n, 1, 1, low=-1, high=1))
        rgb = (rgb[:, :, None, None] * shade[:, None] + self._u(n, 3, 1, 1, low=-0.03, high=0.03)).clamp(0, 1)
        return torch.cat([rgb, inside[shape][:, None]], 1)

    def _pictures(self, kind):
        """[k] kinds -> per bank (rows, images [., 4, s, s]); and extents, names, colours, looks, cut sides of all k."""
        k = len(kind)
        extent, name = torch.ones(k, 2, device=self.device), torch.full((k,), -100, device=self.device)
        colour, look = torch.full((k,), -1, device=self.device), torch.full((k,), -1, device=self.device)
        cut = torch.zeros(k, 4, dtype=torch.bool, device=self.device)
        groups = []
        # Of things, every second is a plain shape; of the rest, most are cut-outs, for those look as a camera shows them.
        chance = self._u(k)
        bank = torch.where(kind == 4, torch.where(chance < 0.45, 9, torch.where(chance < 0.75, 0, 1)),
                           torch.where((chance < 0.6) | (len(self.banks) < 3) | (kind == 1), 0, 2))
        for b, source in enumerate(self.banks):
            rows = torch.nonzero(bank == b)[:, 0]
            if len(rows):
                pick = source.draw(kind[rows])
                extent[rows], name[rows] = source.extents[pick], source.names[pick]
                colour[rows], look[rows], cut[rows] = source.colours[pick], source.looks[pick], source.truncated[pick]
                images = source.images[pick].float() / 255
                rgb = images[:, :3] * self._u(len(rows), 3, 1, 1, low=0.9, high=1.1) * self._u(len(rows), 1, 1, 1, low=0.75, high=1.2)
                groups.append((rows, torch.cat([rgb.clamp(0, 1), images[:, 3:]], 1)))
        rows = torch.nonzero(bank == 9)[:, 0]
        if len(rows):
            shape, tint = (torch.randint(m, (len(rows),), device=self.device) for m in (len(SHAPES), len(COLOURS)))
            name[rows], colour[rows] = -1 - shape, tint
            groups.append((rows, self._shapes(shape, tint)))
        return groups, extent, name, colour, look, cut

    def _place(self, n, kind, alive, extent, cut):
        """Centres and sizes: things stand side by side in shuffled lanes, with some play, so that none hides another."""
        many = alive.sum(1).clamp(min=1)[:, None].float()
        aspect = torch.tensor(self.aspects, device=self.device)[torch.randint(len(self.aspects), (n,), device=self.device)][:, None]
        lane = torch.argsort(self._u(n, SLOTS) + (~alive) * 9.0, 1).argsort(1).float()
        height = torch.where(self._u(n, 1) < 0.3, self._u(n, SLOTS, low=0.15, high=0.4), self._u(n, SLOTS, low=0.28, high=0.9))
        wide = extent[..., 0] / extent[..., 1] / aspect
        room = torch.minimum(1.35 / many / wide, 0.9 / wide)
        height = torch.minimum(height, room).clamp(min=0.1)
        width = height * wide
        x = (lane + 0.5 + self._u(n, SLOTS, low=-0.32, high=0.32)) / many
        y = self._u(n, SLOTS, low=0.3, high=0.8)
        inside = lambda c, s: torch.minimum(torch.maximum(c, s * 0.3), 1 - s * 0.3)
        x, y = inside(x, width), inside(y, height)
        y = torch.where(cut[..., 3], 1 - height / 2, torch.where(cut[..., 2], height / 2, y))
        x = torch.where(cut[..., 0], width / 2, torch.where(cut[..., 1], 1 - width / 2, x))
        return torch.stack([x, y, width, height], -1)

    def render(self, n: int, frames: int = 1, photos: float = 0.2, faults=True, speed: float = 1.0, counts=COUNT_SHARE) -> Scenes:
        """faults: as Camera.shoot has them; speed: how far things go in a frame, against a tenth of the picture at most."""
        device = self.device
        count = torch.multinomial(torch.tensor(counts, device=device), n, replacement=True)
        alive = torch.arange(SLOTS, device=device)[None] < count[:, None]
        kind = torch.multinomial(torch.tensor([0, .27, .25, .25, .23], device=device), n * SLOTS, replacement=True).view(n, SLOTS)
        # Half of the scenes hold one kind only: several of the same are common in the real world.
        kind = torch.where(self._u(n, 1) < 0.5, kind[:, :1], kind) * alive
        rows, slots = torch.nonzero(alive, as_tuple=True)
        groups, extent_k, name_k, colour_k, look_k, cut_k = self._pictures(kind[rows, slots])
        extent, cut = torch.ones(n, SLOTS, 2, device=device), torch.zeros(n, SLOTS, 4, dtype=torch.bool, device=device)
        name, colour, look = (torch.full((n, SLOTS), absent, device=device) for absent in (-100, -1, -1))
        look[rows, slots] = look_k
        extent[rows, slots], cut[rows, slots], name[rows, slots], colour[rows, slots] = extent_k, cut_k, name_k, colour_k
        flip = torch.where((self._u(n, SLOTS) < 0.5) & ~cut[..., 0] & ~cut[..., 1], -1.0, 1.0)
        turn = self._u(n, SLOTS, low=-0.12, high=0.12) * ~cut.any(-1)
        box = self._place(n, kind, alive, extent, cut)
        shift = self._u(n, SLOTS, low=-0.1, high=0.1) * (self._u(n, SLOTS) < 0.5) * alive * speed
        ground = self._background(n)
        is_photo = self._u(n) < photos
        images, owner = [], None
        for frame in range(frames):
            image, covered = ground.clone(), torch.zeros(n, SLOTS, self.size, self.size, device=device)
            for slot in range(SLOTS):
                for members, pictures in groups:
                    mine = torch.nonzero((slots[members] == slot) & ~is_photo[rows[members]])[:, 0]
                    if len(mine) == 0:
                        continue
                    scene = rows[members[mine]]
                    placed = self._warp(pictures[mine], box[scene, slot], extent[scene, slot], turn[scene, slot], flip[scene, slot],
                                        shift[scene, slot] * (frames - 1 - frame))
                    alpha = placed[:, 3:]
                    image[scene] = image[scene] * (1 - alpha) + placed[:, :3] * alpha
                    covered[scene] = covered[scene] * (1 - alpha)
                    covered[scene, slot] = alpha[:, 0]
            images.append(image)
            owner = F.avg_pool2d(covered, self.size // GRID)
        share, slot = owner.max(1)
        owner = torch.where(share > 0.25, slot, -1)
        patch_kind = torch.where(owner >= 0, kind.gather(1, owner.flatten(1).clamp(min=0)).view(n, GRID, GRID), 0).flatten(1)
        scenes = Scenes(None, kind, name, colour, look, box, shift, None, None, is_photo, owner, patch_kind)
        for i in torch.nonzero(is_photo)[:, 0].tolist():
            self._photo(i, images, scenes)
        scenes.pixels, scenes.fault, scenes.grey = self.camera.shoot(images, faults)
        hidden = ((scenes.fault == FAULTS.index("black")) | (scenes.fault == FAULTS.index("covered")))[:, None]
        scenes.owner = torch.where(hidden[..., None], -1, scenes.owner)
        scenes.patch_kind = torch.where(hidden, 0, scenes.patch_kind)
        return scenes

    def _warp(self, pictures, box, extent, turn, flip, back):
        # theta maps the picture's [-1, 1] onto the sprite's: divide by the scale, then turn.
        cx, cy = (box[:, 0] - back) * 2 - 1, box[:, 1] * 2 - 1
        sx, sy = box[:, 2] / extent[:, 0], box[:, 3] / extent[:, 1]
        cos, sin = torch.cos(turn), torch.sin(turn)
        theta = torch.stack([torch.stack([cos / sx * flip, sin / sx * flip, -(cos * cx + sin * cy) / sx * flip], 1),
                             torch.stack([-sin / sy, cos / sy, (sin * cx - cos * cy) / sy], 1)], 1)
        return F.grid_sample(pictures, F.affine_grid(theta, (len(box), 4, self.size, self.size), align_corners=False), align_corners=False)

    def _photo(self, i, images, scenes):
        """Scene i becomes a part of a whole photograph, with the labels that its boxes give."""
        pick = int(torch.randint(len(self.photos), ()))
        share = 0.6 + 0.4 * torch.rand(2)
        left, top = (torch.rand(2) * (1 - share)).tolist()
        share_x, share_y = share.tolist()
        photo = self.photos[pick]
        y0, x0 = int(top * photo.shape[1]), int(left * photo.shape[2])
        part = photo[:, y0:y0 + int(share_y * photo.shape[1]), x0:x0 + int(share_x * photo.shape[2])]
        part = F.interpolate(part[None].float() / 255, (self.size, self.size), mode="bilinear", antialias=True)[0]
        boxes = self.photo_boxes[pick].clone()
        x1, y1 = ((boxes[:, 2] - left) / share_x), ((boxes[:, 3] - top) / share_y)
        x2, y2 = x1 + boxes[:, 4] / share_x, y1 + boxes[:, 5] / share_y
        if torch.rand(()) < 0.5:
            part, x1, x2 = part.flip(-1), 1 - x2, 1 - x1
        full = ((x2 - x1) * (y2 - y1)).clamp(min=1e-6)
        x1, x2, y1, y2 = (v.clamp(0, 1) for v in (x1, x2, y1, y2))
        area = (x2 - x1) * (y2 - y1)
        for image in images:
            image[i] = part
        centre = (torch.arange(GRID) + 0.5) / GRID
        patch_kind, owner = torch.zeros(GRID, GRID), torch.full((GRID, GRID), -1)
        scenes.kind[i], scenes.name[i], scenes.colour[i], scenes.look[i], scenes.shift[i] = 0, -100, -1, -1, 0
        kept = [j for j in torch.argsort(area, descending=True).tolist() if area[j] / full[j] > 0.25]
        small = [j for j in kept if area[j] < 0.012 or boxes[j, 6]]
        large = [j for j in kept if j not in small]
        for slot, j in enumerate(large):
            inside = ((centre > x1[j]) & (centre < x2[j]))[None] & ((centre > y1[j]) & (centre < y2[j]))[:, None]
            patch_kind[inside] = boxes[j, 0]
            owner[inside] = slot if slot < SLOTS and boxes[j, 0] > 0 else -1
            if slot < SLOTS and boxes[j, 0] > 0:
                scenes.kind[i, slot], scenes.name[i, slot] = int(boxes[j, 0]), int(boxes[j, 1])
                scenes.look[i, slot] = self.photo_looks[pick] + j if self.photo_looks[pick] >= 0 else -1
                scenes.box[i, slot] = torch.stack([(x1[j] + x2[j]) / 2, (y1[j] + y2[j]) / 2, x2[j] - x1[j], y2[j] - y1[j]])
        for j in small:  # too small to learn from, or a crowd
            inside = ((centre > x1[j] - 0.05) & (centre < x2[j] + 0.05))[None] & ((centre > y1[j] - 0.05) & (centre < y2[j] + 0.05))[:, None]
            patch_kind[inside & (patch_kind == 0)] = IGNORE
        scenes.patch_kind[i], scenes.owner[i] = patch_kind.flatten().long().to(self.device), owner.to(self.device)


def feather(width: int, height: int) -> np.ndarray:
    """An opacity that fades towards the border: a photograph without a hard frame."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / max(1, width - 1) * 2 - 1, y / max(1, height - 1) * 2 - 1
    return (np.clip((1 - np.maximum(np.abs(x), np.abs(y)) ** 4 - (x * x + y * y) * 0.25) * 3, 0, 1) * 255).astype(np.uint8)
