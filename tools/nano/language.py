"""Steps 2 and 3: a projector puts the encoder's patches in front of the LLM; then LoRA teaches it to answer.

Several questions stand behind one prefix (facts and pictures); each sees the prefix and itself, and its positions go on
from the prefix, so that nothing can be copied from another's answer and a prefix is computed once.
"""
import random
import time
from typing import NamedTuple

import layout
import sound_rows
import torch
import torch.nn.functional as F
import trainer
from encoder import WIDTH
from safetensors import safe_open
from safetensors.torch import load_file
from story import COLOURS, SIDES, SLOTS, Story
from tokenizers import Tokenizer
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM
from world import COLOUR_NAMES, GRID, KINDS

SHUFFLE, HIDDEN = 2, 576
TOKENS = (GRID // SHUFFLE) ** 2


class Projector(nn.Module):
    """Pixel shuffle 2 x 2, then an MLP: [n, 100, 256] -> [n, 25, hidden of the LLM]."""

    def __init__(self):
        super().__init__()
        wide = WIDTH * SHUFFLE**2
        self.layer_norm, self.linear_1, self.linear_2 = nn.LayerNorm(wide), nn.Linear(wide, wide), nn.Linear(wide, HIDDEN)
        nn.init.normal_(self.linear_2.weight, std=0.1 / wide**0.5)  # as small as the word embeddings

    def forward(self, x):
        return self.linear_2(F.gelu(self.linear_1(self.layer_norm(shuffle(x)))))


def shuffle(x):
    """Pixel shuffle in idefics3's order: [n, 100, w] -> [n, 25, 4 w]."""
    n, side = len(x), GRID // SHUFFLE
    x = x.view(n, GRID, side, x.shape[-1] * SHUFFLE).permute(0, 2, 1, 3)
    return x.reshape(n, side, side, -1).permute(0, 2, 1, 3).reshape(n, TOKENS, -1)


def _blocks(raw, kind, shape):
    """GGUF blocks of 32: Q4_1 is f16 d, f16 m, 16 bytes (low nibbles first); Q8_0 is f16 d, 32 int8."""
    if kind in ("F32", "F16"):
        return raw.view(torch.float32 if kind == "F32" else torch.float16).float().view(shape)
    rows = raw.view(-1, {"Q4_1": 20, "Q8_0": 34}[kind])
    d = rows[:, :2].contiguous().view(torch.float16).float()
    if kind == "Q8_0":
        return (rows[:, 2:].contiguous().view(torch.int8).float() * d).view(shape)
    m, nibbles = rows[:, 2:4].contiguous().view(torch.float16).float(), rows[:, 4:]
    return (torch.cat([nibbles & 15, nibbles >> 4], 1).float() * d + m).view(shape)


def load_llm(packed) -> LlamaForCausalLM:
    heads = {"attn_q": 9, "attn_k": 3}
    names = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
             "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
             "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
    state = {}
    for half in "ab":
        with safe_open(packed / f"llm_{half}.safetensors", "pt") as file:
            for key in file.keys():
                name, kind, shape = key.split("|")
                shape = [int(s) for s in shape.split(",")]
                tensor = _blocks(file.get_tensor(key), kind, shape)
                if name in ("token_embd.weight", "output_norm.weight"):
                    state["model.embed_tokens.weight" if name[0] == "t" else "model.norm.weight"] = tensor
                    continue
                _, layer, part, _ = name.split(".")
                if part in heads:  # rows stand in rotary pair order
                    tensor = tensor.view(heads[part], 32, 2, shape[1]).transpose(1, 2).reshape(shape)
                state[f"model.layers.{layer}.{names[part]}.weight"] = tensor
    state["lm_head.weight"] = state["model.embed_tokens.weight"]
    config = LlamaConfig(vocab_size=49152, hidden_size=HIDDEN, intermediate_size=1536, num_hidden_layers=30,
                         num_attention_heads=9, num_key_value_heads=3, head_dim=64, rms_norm_eps=1e-5,
                         rope_theta=100000.0, max_position_embeddings=8192, tie_word_embeddings=True)
    model = LlamaForCausalLM(config)
    model.load_state_dict(state)
    return model.requires_grad_(False)


class Teacher:
    """Makes samples: a prefix with its pictures, and questions with answers."""

    def __init__(self, packed, said, world, seed, clips=None):
        self.tokenizer = Tokenizer.from_file(str(packed / "tokenizer.json"))
        self.world, self.rng, self.said = world, random.Random(seed), said
        self.frame_id = self.tokenizer.token_to_id(layout.FRAME_TOKEN)
        self.sound_id = self.tokenizer.token_to_id(layout.SOUND_TOKEN)
        self.clips = sound_rows.Clips(clips, self.rng) if clips else None
        self.pool = []

    def ids(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def _scene(self):
        """(pixels [2, 3, h, w], things as a story has them) of a clear rendered scene."""
        if not self.pool:
            scenes = self.world.render(16, frames=2, photos=0.0, faults=False)
            for i in range(16):
                things = []
                for k, c, box in zip(scenes.kind[i].tolist(), scenes.colour[i].tolist(), scenes.box[i].tolist()):
                    if k:
                        colour = COLOUR_NAMES[c] if 0 <= c < len(COLOURS) and not scenes.grey[i] else None
                        things.append((KINDS[k], colour, side(box[0])))
                self.pool.append((scenes.pixels[i], things))
        return self.pool.pop()

    def sample(self, questions, pictures=0.4):
        """(prefix ids, Shown, [(slot, asked ids, answer ids, answer)])."""
        rng = self.rng
        pictured = rng.random() < pictures
        pixels, frames, things = None, 0, None
        if pictured:
            pixels, things = self._scene()
            frames = rng.choice([1, 1, 1, 2])
            pixels = pixels[-frames:]
        story = Story(rng, self.said, things, "" if pictured else None)
        # facts() tells time backwards from the end: the latest picture is the last frame.
        rows = self._heard(story)
        facts = story.facts(frames, rows).replace("{frame}", layout.FRAME_TOKEN * TOKENS)
        clips = [clip for *_, clip in story.sounded(rows) if clip is not None]
        turns, tries = [], 0
        while len(turns) < questions and tries < 40:
            slot = rng.choices(list(SLOTS), list(SLOTS.values()))[0]
            asked, tries = story.ask(slot), tries + 1
            if asked and all(t[0] != slot or slot in ("check", "presence") for t in turns):
                text = layout.turn(layout.fill(layout.LAYOUT[asked[0]], text=asked[1]))
                turns.append((slot, self.ids(text), self.ids(asked[2] + layout.END), asked[2]))
        return self.ids(layout.prefix(facts)), Shown(pixels, torch.cat(clips) if clips else None), turns

    def _heard(self, story):
        """Of each sound what its line calls it, and a clip. Every other one has no name there: what it is must be heard."""
        if self.clips is None:
            return None
        heard = []
        for index, (_, _, name) in enumerate(story.sounds):
            clip = self.clips.rows(name) if index < layout.LAYOUT["sounds"] else None
            heard.append(("something" if clip is not None and self.rng.random() < 0.5 else name, clip))
        return heard


class Shown(NamedTuple):
    """What stands in a prompt besides text: pictures, [frames, 3, h, w], and sounds' pooled states, [rows, 2 * width]."""
    pixels: object = None
    sounds: object = None


def side(x):
    return SIDES[0] if x < 0.36 else SIDES[2] if x > 0.64 else SIDES[1]


class Speaker(nn.Module):
    """Encoder and LLM stand still ("frozen"); the projectors and, once added, the LoRA matrices learn."""

    def __init__(self, encoder, llm):
        super().__init__()
        self.frozen = nn.ModuleDict({"encoder": encoder.requires_grad_(False).eval()})
        self.projector, self.sound_projector, self.llm = Projector(), sound_rows.SoundProjector(HIDDEN), llm

    def state_dict(self, *args, **kwargs):
        whole = super().state_dict(*args, **kwargs)
        tuned = self.projector.linear_1.weight.requires_grad  # else its own checkpoint has it
        return {k: v for k, v in whole.items() if "lora_" in k or (tuned and k.startswith("projector."))}

    def rows(self, ids, shown, teacher):
        ids = torch.tensor([ids], device=self.projector.linear_1.weight.device)
        rows = self.llm.get_input_embeddings()(ids)
        if shown.pixels is not None:
            with torch.no_grad():
                patches = self.frozen["encoder"].features(shown.pixels)
            rows = rows.masked_scatter((ids == teacher.frame_id)[..., None], self.projector(patches).flatten(0, 1)[None].to(rows.dtype))
        if shown.sounds is not None:
            heard = self.sound_projector(shown.sounds.to(rows.device))
            rows = rows.masked_scatter((ids == teacher.sound_id)[..., None], heard[None].to(rows.dtype))
        return rows

    def loss(self, sample, teacher):
        prefix, shown, turns = sample
        ids, target, positions, owner = list(prefix), [-100] * len(prefix), list(range(len(prefix))), [-1] * len(prefix)
        for index, (_, asked, answer, _) in enumerate(turns):
            ids += asked + answer
            target += [-100] * len(asked) + answer
            positions += range(len(prefix), len(prefix) + len(asked) + len(answer))
            owner += [index] * (len(asked) + len(answer))
        owner, count = torch.tensor(owner), len(ids)
        sees = torch.ones(count, count, dtype=torch.bool).tril() & ((owner[None] == -1) | (owner[None] == owner[:, None]))
        rows = self.rows(ids, shown, teacher)
        mask = torch.zeros(1, 1, count, count).masked_fill(~sees, -1e9).to(rows)
        hidden = self.llm_body()(inputs_embeds=rows, attention_mask=mask,
                                 position_ids=torch.tensor([positions], device=rows.device)).last_hidden_state[0]
        target = torch.tensor(target, device=rows.device)
        before = torch.nonzero(target[1:] >= 0)[:, 0]  # the rows in front of an answer's tokens
        return F.cross_entropy(self.head(hidden[before]).float(), target[before + 1])

    def llm_body(self):
        return self.llm.base_model.model.model if hasattr(self.llm, "peft_config") else self.llm.model

    def head(self, hidden):
        return (self.llm.base_model.model if hasattr(self.llm, "peft_config") else self.llm).lm_head(hidden)


TARGET_WORDS = {"nothing": " nothing", "person": " person", "vehicle": " vehicle", "animal": " animal", "thing": " thing"}


@torch.no_grad()
def align(speaker, teacher, minutes, checkpoint, log, resume, ridge=1.0):
    """The projector's alignment with frozen encoder and LLM, in closed form: each of its rows shall be the sum of the embeddings
    of the words for what its four patches show (kind, and colour where one stands out). The first layer stays random, the
    last is solved by ridge regression; sums over more scenes only add up, so it resumes and never diverges.
    """
    words = torch.stack([speaker.llm.get_input_embeddings().weight[teacher.ids(TARGET_WORDS[kind])[0]].float() for kind in KINDS] +
                        [speaker.llm.get_input_embeddings().weight[teacher.ids(" " + colour)[0]].float() for colour in COLOURS])
    projector, device = speaker.projector, words.device
    wide = projector.linear_1.weight.shape[0] + 1
    sums = {"xx": torch.zeros(wide, wide, device=device), "xy": torch.zeros(wide, HIDDEN, device=device), "scenes": 0, "seconds": 0.0}
    if resume:
        projector.load_state_dict({k.removeprefix("projector."): v for k, v in resume["model"].items()})
    began, error = time.monotonic(), 0.0
    while time.monotonic() - began < minutes * 60:
        scenes = teacher.world.render(32, faults=False)
        with torch.autocast(device.type, torch.bfloat16):
            patches = speaker.frozen["encoder"].features(scenes.pixels[:, -1])
        inner = F.gelu(projector.linear_1(projector.layer_norm(shuffle(patches.float())))).flatten(0, 1)
        inner = torch.cat([inner, torch.ones(len(inner), 1, device=device)], 1)
        target = shuffled_targets(scenes, words)
        sums["xx"] += inner.T @ inner
        sums["xy"] += inner.T @ target
        sums["scenes"] += 32
        error = float(((inner[:, :-1] @ projector.linear_2.weight.T + projector.linear_2.bias - target) ** 2).mean() / target.var())
    solved = torch.linalg.solve(sums["xx"] + ridge * torch.eye(wide, device=device), sums["xy"])
    projector.linear_2.weight.copy_(solved[:-1].T)
    projector.linear_2.bias.copy_(solved[-1])
    left = float(((inner @ solved - target) ** 2).mean() / target.var())
    log(f"projector: {sums['scenes']} scenes, variance left unexplained {left:.2f} (before {error:.2f})")
    checkpoint({"model": speaker.state_dict(), "spent": {"minutes": minutes, "scenes": sums["scenes"]}})
    return {"scenes": sums["scenes"], "unexplained": round(left, 2)}


def shuffled_targets(scenes, words):
    """[n * 25, hidden]: the mean over each row's four patches."""
    kind = scenes.patch_kind.clamp(min=0)
    owner = scenes.owner.flatten(1)
    colour = torch.where((owner >= 0) & ~scenes.grey[:, None], scenes.colour.gather(1, owner.clamp(min=0)), -1)
    plain = (colour >= 0) & (colour < len(COLOURS))
    target = words[kind] + words[len(KINDS) + colour.clamp(0, len(COLOURS) - 1)] * plain[..., None]
    side = GRID // SHUFFLE
    return target.view(len(kind), side, SHUFFLE, side, SHUFFLE, -1).mean((2, 4)).flatten(0, 2)


def add_lora(speaker):
    from peft import LoraConfig, get_peft_model
    names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    speaker.llm = get_peft_model(speaker.llm, LoraConfig(r=8, lora_alpha=16, task_type="CAUSAL_LM", target_modules=names))
    return [p for p in speaker.llm.parameters() if p.requires_grad]


def load_published(speaker, folder):
    speaker.projector.load_state_dict(load_file(folder / "projector" / "model.safetensors"))
    if (folder / "sound_projector").exists():
        speaker.sound_projector.load_state_dict(load_file(folder / "sound_projector" / "model.safetensors"))
    if hasattr(speaker.llm, "peft_config") and (folder / "adapter").exists():
        from peft import set_peft_model_state_dict
        set_peft_model_state_dict(speaker.llm, load_file(folder / "adapter" / "adapter_model.safetensors"))


def train(speaker, teacher, minutes, checkpoint, log, title, rates, resume, workers, pictures, questions=6):
    def loss(step, rank):
        if step == 0:
            teacher.rng = random.Random(random.randrange(1 << 30) + rank)
            teacher.pool = []
        with torch.autocast(teacher.world.device.type, torch.bfloat16):
            return speaker.loss(teacher.sample(questions, pictures), teacher)
    return trainer.train(speaker, loss, rates, minutes, checkpoint, log, title, resume, workers, weight_decay=0.01, accumulate=2)


@torch.no_grad()
def measure(speaker, teacher, samples, control=""):
    """Share of greedy answers that are exactly right and the commonest answer's share, per slot.

    control: "" (as it is), "black" (no light, same facts), "mute" (the facts taken away).
    """
    speaker.eval()
    right, answers, shown = {}, {}, []
    for _ in range(samples):
        prefix, shown_too, turns = teacher.sample(6)
        if control == "black" and shown_too.pixels is not None:
            shown_too = Shown(torch.zeros_like(shown_too.pixels), shown_too.sounds)
        if control == "mute":
            prefix, shown_too = teacher.ids(layout.prefix("")), Shown()
        for slot, asked, _, answer in turns:
            said = teacher.tokenizer.decode(greedy(speaker, speaker.rows(prefix + asked, shown_too, teacher)), skip_special_tokens=True)
            right.setdefault(slot, []).append(said.strip() == answer)
            answers.setdefault(slot, []).append(answer)
            if len(shown) < 40:
                shown.append(f"{'+' if right[slot][-1] else '-'} {slot}: {answer} | {said.strip()}")
    speaker.train()
    scores = {slot: {"right": round(sum(r) / len(r), 2), "commonest": round(max(map(answers[slot].count, answers[slot])) / len(r), 2), "n": len(r)}
              for slot, r in sorted(right.items())}
    return scores, shown


def greedy(speaker, rows, most=48):
    said, cache = [], None
    model = speaker.llm_body()
    while len(said) < most:
        with torch.autocast(rows.device.type, torch.bfloat16):
            out = model(inputs_embeds=rows, past_key_values=cache, use_cache=True)
            token = int(speaker.head(out.last_hidden_state[0, -1:]).argmax())
        if token == 2:
            break
        said.append(token)
        cache, rows = out.past_key_values, speaker.llm.get_input_embeddings()(torch.tensor([[token]], device=rows.device))
    return said
