#!/usr/bin/env python3
"""Trains vedette-nano: encoder, projector, LoRA. One command does all three; each can be run by itself and resumed.

  train.py --packed DIR --out DIR [--step encoder|projector|lora|all] [--minutes N] [--device cpu|cuda]
           [--sources clear|all] [--workers N] [--from MODEL_FOLDER] [--sounds OUT/sound_all_train.pt]

Needs torch, transformers, peft, tokenizers, safetensors and pillow, and no network. DIR of --packed is what pack.py made.
--minutes is training time of the step, those before a resume included; of "all", the encoder gets 55 %, the projector
10 %, LoRA 35 %. Checkpoints lie in OUT/checkpoints, one every 10 minutes; the same call again goes on from there (with
more --minutes once they are spent). --from begins at published weights (models/nano) where there is no checkpoint.
--sounds, encoded clips as sound.py keeps them: the projector step makes the sound projector too, and LoRA's stories have
sounds in them that the LLM must hear.
export.py makes the published folder from OUT.
"""
import argparse
import json
import pathlib
import random
import time

import encoder as encoder_step
import language
import sound_rows
import torch
from safetensors.torch import load_file
from world import World

BEGAN = time.monotonic()
SHARES = {"encoder": 0.55, "projector": 0.10, "lora": 0.35}


def log(line):
    print(f"{time.strftime('%H:%M:%S')} {time.monotonic() - BEGAN:7.1f} {line}", flush=True)


class Run:
    def __init__(self, options):
        self.options, self.device = options, torch.device(options.device)
        self.checkpoints = options.out / "checkpoints"
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        self.words = json.loads((options.packed / "words.json").read_text())
        self.world = World(options.packed, "train", options.sources, self.device)
        log(f"things, photographs, backgrounds: {self.world.summary}")
        self.encoder = encoder_step.Encoder(torch.tensor(self.words["embeddings"])).to(self.device)

    def resume(self, step):
        path = self.checkpoints / f"{step}.pt"
        return torch.load(path, map_location=self.device) if path.exists() else None

    def save(self, step):
        def checkpoint(state):
            path = self.checkpoints / f"{step}.pt"
            torch.save(state, path.with_suffix(".new"))
            path.with_suffix(".new").rename(path)
        return checkpoint

    def minutes(self, step):
        return self.options.minutes * (SHARES[step] if self.options.step == "all" else 1.0)

    def train_encoder(self):
        resume = self.resume("encoder")
        if resume is None and self.options.begin:
            published_encoder(self.encoder, self.options.begin)
        batch = self.options.batch or (512 if self.options.device == "cuda" else 48)
        return encoder_step.train(self.encoder, self.world, self.minutes("encoder"), batch, self.options.rate, self.save("encoder"), log,
                                  resume, self.options.workers)

    def load_encoder(self):
        resume = self.resume("encoder")
        if resume:
            self.encoder.load_state_dict(resume.get("mean") or resume["model"])
        elif self.options.begin:
            published_encoder(self.encoder, self.options.begin)
        else:
            raise SystemExit(f"{self.checkpoints / 'encoder.pt'} is not there: --step encoder makes it, or give --from")

    def speaker(self, lora):
        llm = language.load_llm(self.options.packed).to(torch.bfloat16).to(self.device)
        speaker = language.Speaker(self.encoder, llm).to(self.device)
        adapters = language.add_lora(speaker) if lora else []
        if self.options.begin:
            language.load_published(speaker, self.options.begin)
        return speaker, adapters

    def teacher(self):
        said = self.words["said"]
        return language.Teacher(self.options.packed, said[len(said) // 10:], self.world, random.randrange(1 << 30), self.clips())

    def clips(self):
        return sound_rows.load_clips(self.options.sounds) if self.options.sounds else None

    def train_projector(self):
        speaker, _ = self.speaker(False)
        teacher = self.teacher()
        if self.options.sounds:
            sound_rows.align(speaker.sound_projector, self.clips(), speaker.llm.get_input_embeddings(), teacher.ids, self.save("sound_projector"), log)
        return language.align(speaker, teacher, self.minutes("projector"), self.save("projector"), log, self.resume("projector"))

    def train_lora(self):
        speaker, adapters = self.speaker(True)
        resume, aligned = self.resume("lora"), self.resume("projector")
        if aligned:  # the alignment of this run, not that of the published weights
            speaker.load_state_dict(aligned["model"], strict=False)
        heard = self.resume("sound_projector")
        if heard:
            speaker.sound_projector.load_state_dict(heard["model"])
        speaker.projector.requires_grad_(self.options.tune_projector)
        speaker.sound_projector.requires_grad_(False)
        tuned = [(list(speaker.projector.parameters()), 5e-4, False)] if self.options.tune_projector else []
        return language.train(speaker, self.teacher(), self.minutes("lora"), self.save("lora"), log, "lora",
                              [(adapters, 1e-3, False)] + tuned, resume, self.options.workers, self.options.pictures)


def published_encoder(model, folder):
    tower = getattr(model.tower, "vision_model", model.tower)
    tower.load_state_dict(load_file(folder / "vision" / "model.safetensors"))
    model.load_state_dict(load_file(folder / "heads" / "model.safetensors"), strict=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packed", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--step", choices=["encoder", "projector", "lora", "all"], default="all")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--sources", choices=["clear", "all"], default="all", help="clear: no set whose licence is in doubt")
    parser.add_argument("--batch", type=int, default=None, help="scenes a step of the encoder; default 512 on cuda, 48 on cpu")
    parser.add_argument("--rate", type=float, default=1e-3, help="peak learning rate of the encoder")
    parser.add_argument("--pictures", type=float, default=0.4, help="share of the LoRA step's stories with pictures; the rest are facts alone")
    parser.add_argument("--tune-projector", action="store_true", help="the LoRA step changes the projector too, which then fits this encoder only")
    parser.add_argument("--sounds", type=pathlib.Path, help="encoded clips: OUT/sound_all_train.pt of sound.py")
    parser.add_argument("--workers", type=int, default=1, help="processes that train together (cpu only)")
    parser.add_argument("--threads", type=int, default=1, help="of each worker")
    parser.add_argument("--from", dest="begin", type=pathlib.Path, help="published weights to begin at")
    options = parser.parse_args()
    if options.device == "cuda" and options.workers > 1:
        parser.error("--workers is for --device cpu")
    torch.manual_seed(int(time.time()))
    torch.set_num_threads(options.threads)
    torch.set_float32_matmul_precision("high")
    run = Run(options)
    if options.step in ("encoder", "all"):
        log(f"encoder: {run.train_encoder()}")
    if options.step != "encoder":
        run.load_encoder()
    if options.step in ("projector", "all"):
        log(f"projector: {run.train_projector()}")
    if options.step in ("lora", "all"):
        log(f"lora: {run.train_lora()}")


if __name__ == "__main__":
    main()
