#!/usr/bin/env python3
"""Packs what training needs into one folder that can be carried to a machine without a network.

  pack.py --data DIR [--stamps DIR] --llm FILE.gguf --tokenizer FOLDER --sentences all-minilm-FOLDER --out DIR

Writes OUT/world.zip (cut-outs, photographs with boxes, backgrounds and small photographs as WebP, index.json),
OUT/words.json (sentences that people say, sentence embeddings of every name), OUT/llm_a.safetensors and
OUT/llm_b.safetensors (the quantised blocks of the LLM, half each) and OUT/tokenizer.json. --stamps is
usr/share/tuxpaint/stamps of Debian's tuxpaint-stamps-default: pictures of everyday things. Needs pillow, gguf,
safetensors; torch and transformers for the sentence embeddings.
"""
import argparse
import hashlib
import io
import json
import pathlib
import shutil
import tarfile
import zipfile

import numpy as np
from names import kind_and_name, stamp_name
from PIL import Image

SPRITE = 112      # long side of a cut-out, pixels
BACKGROUND = 256  # short side of a background
PHOTO = 224       # short side of a whole photograph
CUT_OUTS = ["persons", "vehicles_animals", "doubtful_cutouts_coco", "doubtful_persons_ccp"]
BACKGROUNDS = ["backgrounds", "doubtful_backgrounds"]
PHOTOS = ["scenes", "doubtful_scenes_coco"]
TILES = ["doubtful_cifar10"]


def held_out(photo: str) -> bool:
    """One photograph in ten, by its id, so that nothing of it falls on both sides."""
    return hashlib.sha256(photo.encode()).digest()[0] < 26


def webp(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", quality=quality, method=1)
    return out.getvalue()


def members(path: pathlib.Path):
    with tarfile.open(path) as tar:
        for line in tar.extractfile("labels.jsonl").read().decode().splitlines():
            label = json.loads(line)
            yield label, Image.open(io.BytesIO(tar.extractfile(label["file"]).read()))


def shrink(image: Image.Image, long_side: int) -> Image.Image:
    scale = long_side / max(image.size)
    return image if scale >= 1 else image.resize([max(1, round(s * scale)) for s in image.size], Image.LANCZOS)


def short_side(image: Image.Image, side: int) -> Image.Image:
    scale = side / min(image.size)
    return image.resize([max(side, round(s * scale)) for s in image.size], Image.LANCZOS)


class Packer:
    def __init__(self, archive: zipfile.ZipFile):
        self.archive = archive
        self.index = {"sprites": [], "boxes": [], "backgrounds": [], "photos": [], "tiles": []}

    def add(self, group: str, blob: bytes, **fields):
        name = f"{group}/{len(self.index[group]):05d}.webp"
        self.archive.writestr(name, blob)
        self.index[group].append({"file": name, **fields})

    def cut_outs(self, data: pathlib.Path):
        for source in CUT_OUTS:
            for label, image in members(data / f"{source}.tar"):
                kind, name = kind_and_name(label["cls"])
                photo = str(label.get("coco_id", label["file"]))
                self.add("sprites", webp(shrink(image.convert("RGBA"), SPRITE), 82), kind=kind, name=name, source=source,
                         held=held_out(photo), truncated=label.get("truncated", []))

    def stamps(self, folder: pathlib.Path):
        for file in sorted(folder.rglob("*.png")):
            name = stamp_name(file.relative_to(folder).as_posix())
            if name:
                image = Image.open(file).convert("RGBA")
                image = image.crop(image.getchannel("A").getbbox())
                self.add("sprites", webp(shrink(image, SPRITE), 82), kind="thing", name=name, source="stamps",
                         held=held_out(file.name), truncated=[])

    def photos(self, data: pathlib.Path):
        """Whole photographs with boxes; and what stands in the boxes of everyday things, each by itself."""
        for source in PHOTOS:
            for label, image in members(data / f"{source}.tar"):
                image, held = image.convert("RGB"), held_out(str(label["coco_id"]))
                boxes = []
                for item in label["objects"]:
                    kind, name = kind_and_name(item["cls"])
                    x, y, w, h = item["box"]
                    boxes.append([kind, name, round(x / image.width, 4), round(y / image.height, 4),
                                  round(w / image.width, 4), round(h / image.height, 4), item["crowd"]])
                    if kind == "thing" and min(w, h) >= 28 and not item["crowd"]:
                        crop = image.crop((round(x), round(y), round(x + w), round(y + h)))
                        self.add("boxes", webp(shrink(crop, SPRITE), 75), kind=kind, name=name, source=source, held=held)
                self.add("photos", webp(short_side(image, PHOTO), 70), boxes=boxes, source=source, held=held)

    def backgrounds(self, data: pathlib.Path):
        for source in BACKGROUNDS:
            for label, image in members(data / f"{source}.tar"):
                image = short_side(image.convert("RGB"), BACKGROUND)
                left, top = [(s - BACKGROUND) // 2 for s in image.size]
                image = image.crop((left, top, left + BACKGROUND, top + BACKGROUND))
                photo = pathlib.Path(label["file"]).stem
                self.add("backgrounds", webp(image, 60), source=source, held=held_out(str(int(photo)) if photo.isdigit() else photo))

    def tiles(self, data: pathlib.Path):
        for source in TILES:
            for label, image in members(data / f"{source}.tar"):
                kind, name = kind_and_name(label["cls"])
                self.add("tiles", webp(image.convert("RGB"), 85), kind=kind, name=name, source=source, count=label["count"],
                         columns=label["columns"])


def pack_world(data: pathlib.Path, stamps: pathlib.Path | None, out: pathlib.Path) -> list[str]:
    with zipfile.ZipFile(out / "world.zip", "w", zipfile.ZIP_STORED) as archive:
        packer = Packer(archive)
        packer.cut_outs(data)
        if stamps:
            packer.stamps(stamps)
        packer.photos(data)
        packer.backgrounds(data)
        packer.tiles(data)
        archive.writestr("index.json", json.dumps(packer.index))
    print({group: len(entries) for group, entries in packer.index.items()})
    return sorted({e["name"] for group in ("sprites", "boxes", "tiles") for e in packer.index[group]})


def pack_words(data: pathlib.Path, names: list[str], sentences: pathlib.Path, out: pathlib.Path):
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel
    with tarfile.open(data / "captions.tar") as tar:
        lines = tar.extractfile("audiocaps_train.jsonl").read().decode().splitlines()
    said = [json.loads(line)["text"] for line in lines[:: max(1, len(lines) // 6000)]]
    tokenizer, model = Tokenizer.from_file(str(sentences / "tokenizer.json")), AutoModel.from_pretrained(sentences).eval()
    batch = tokenizer.encode_batch([f"a photo of a {name}" for name in names])
    mask = torch.tensor([encoding.attention_mask for encoding in batch])
    with torch.no_grad():
        hidden = model(torch.tensor([encoding.ids for encoding in batch]), attention_mask=mask).last_hidden_state
    mask = mask[..., None]
    mean = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
    (out / "words.json").write_text(json.dumps({"said": said, "names": names, "embeddings": mean.tolist()}))


def pack_llm(gguf_file: pathlib.Path, out: pathlib.Path):
    from gguf import GGUFReader
    from safetensors.numpy import save_file
    reader = GGUFReader(gguf_file)
    halves, size = [{}, {}], [0, 0]
    for tensor in sorted(reader.tensors, key=lambda t: -t.n_bytes):
        half = int(size[1] * 38 < size[0] * 54)  # with the pictures, each half fits into 64 MiB
        size[half] += int(tensor.n_bytes)
        shape = ",".join(str(int(s)) for s in reversed(tensor.shape))
        blocks = np.ascontiguousarray(tensor.data).view(np.uint8).reshape(-1)
        halves[half][f"{tensor.name}|{tensor.tensor_type.name}|{shape}"] = blocks
    for half, name in zip(halves, "ab"):
        save_file(half, out / f"llm_{name}.safetensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("data", "llm", "tokenizer", "sentences", "out"):
        parser.add_argument(f"--{option}", type=pathlib.Path, required=True)
    parser.add_argument("--stamps", type=pathlib.Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    names = pack_world(options.data, options.stamps, options.out)
    pack_words(options.data, names, options.sentences, options.out)
    pack_llm(options.llm, options.out)
    shutil.copy(options.tokenizer / "tokenizer.json", options.out)
    for file in sorted(options.out.iterdir()):
        print(f"{file.name:22} {file.stat().st_size / 2**20:7.1f} MiB")


if __name__ == "__main__":
    main()
