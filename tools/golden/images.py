#!/usr/bin/env python3
"""Makes tests/golden/images: what transformers' image processors make of a picture.

picture.safetensors holds the pictures (RGB, 8 bits). Each case is a folder with a preprocessor_config.json, and
outputs.safetensors: `pixel_values` of some of the pictures as the torchvision backend gives them (the default where
torchvision is installed; PIL's differs by an 8-bit step in some values of a thousand). prompts.json has what the whole
processors of Idefics3 and SmolVLM write in a picture's place in the prompt. Run without arguments, with torch, torchvision,
transformers, tokenizers and safetensors installed.
"""
import json
import pathlib

import numpy as np
import tokenizers
import torch
import torchvision
import transformers
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "images"


def picture(height, width, seed):
    """Waves, a checkerboard and noise: smooth parts, hard edges and saturated values."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    channels = [128 + 120 * np.sin(x / 5 + y / 9), 255 * x / max(width - 1, 1), ((x // 6 + y // 7) % 2) * 255.0]
    noisy = np.stack(channels, -1) + random.normal(0, 10, (height, width, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


PICTURES = {"wide": picture(61, 103, 1), "tall": picture(75, 40, 2), "tiny": picture(9, 7, 3)}

CASES = {
    # name: (processor, its options, pictures)
    "clip": ("CLIPImageProcessor", dict(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}),
             ["wide", "tall", "tiny"]),
    "clip_padded": ("CLIPImageProcessor", dict(size={"shortest_edge": 20}, crop_size={"height": 28, "width": 25}),
                    ["wide", "tall"]),
    "vit": ("ViTImageProcessor", dict(size={"height": 32, "width": 24}), ["wide", "tiny"]),
    "siglip": ("SiglipImageProcessor", dict(size={"height": 32, "width": 32}), ["wide", "tall", "tiny"]),
    "siglip_plain": ("SiglipImageProcessor", dict(do_resize=False, do_normalize=False), ["tall"]),
    "smolvlm_tiles": ("SmolVLMImageProcessor", dict(size={"longest_edge": 40}, max_image_size={"longest_edge": 16}),
                      ["wide", "tall"]),
    "smolvlm_whole": ("SmolVLMImageProcessor", dict(size={"longest_edge": 40}, max_image_size={"longest_edge": 16},
                                                    do_image_splitting=False), ["wide"]),
    "idefics3_one_tile": ("Idefics3ImageProcessor", dict(size={"longest_edge": 16}, max_image_size={"longest_edge": 24},
                                                         resample=3), ["tiny"]),
}


IMAGE_TOKENS = 2  # a picture or tile, in prompts.json


def prompts_of(kind, processor, pictures):
    """What the processor makes of "<image>", as text again. Nothing else is said, so a tokenizer of special tokens will do."""
    words = ["<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", "\n", "\n\n"]
    words += [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    model = tokenizers.models.WordLevel({"?": 0}, unk_token="?")
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizers.Tokenizer(model), unk_token="?")
    tokenizer.add_tokens(words, special_tokens=True)
    # SmolVLM wants to import num2words, for videos.
    parts = dict(image_processor=processor, tokenizer=tokenizer, image_seq_len=IMAGE_TOKENS, chat_template="")
    if kind == "SmolVLM":
        parts["video_processor"] = transformers.SmolVLMVideoProcessor()
    whole = getattr(transformers, kind + "Processor")(**parts)
    ids = {key: whole(text="<image>", images=[[PICTURES[key]]])["input_ids"][0] for key in pictures}
    assert all(0 not in found for found in ids.values()), ids
    return {key: "".join(tokenizer.convert_ids_to_tokens(found)) for key, found in ids.items()}


def main():
    ROOT.mkdir(parents=True, exist_ok=True)
    save_file({name: torch.from_numpy(pixels) for name, pixels in PICTURES.items()}, ROOT / "pictures.safetensors")
    prompts = {}
    for name, (kind, options, pictures) in CASES.items():
        processor = getattr(transformers, kind)(**options)
        assert processor.backend == "torchvision", processor.backend
        folder = ROOT / name
        folder.mkdir(exist_ok=True)
        processor.save_pretrained(folder)
        values = {}
        for key in pictures:
            result = processor(images=[PICTURES[key]], return_tensors="pt").pixel_values
            values[key] = (result[0] if result.ndim == 5 else result).contiguous()
        save_file(values, folder / "outputs.safetensors")
        if kind.startswith(("SmolVLM", "Idefics3")):
            prompts[name] = prompts_of(kind.removesuffix("ImageProcessor"), processor, pictures)
        print(name, {key: list(value.shape) for key, value in values.items()})
    (ROOT / "prompts.json").write_text(json.dumps({"image_tokens": IMAGE_TOKENS, "cases": prompts}, indent=1) + "\n")
    for file in ROOT.rglob("*.*"):
        file.chmod(0o644)
    manifest = {"torch": torch.__version__.split("+")[0], "torchvision": torchvision.__version__.split("+")[0],
                "transformers": transformers.__version__, "cases": list(CASES)}
    (ROOT / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
