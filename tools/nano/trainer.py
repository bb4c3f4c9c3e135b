"""The loop of every step: workers, schedule, checkpoints, an honest count of what was spent."""
import os
import time

import torch
from optimizer import Muon
from torch import nn

CHECKPOINT_S = 600
PAUSE_S = 60  # a step that took longer was stopped meanwhile (SIGSTOP, suspend): that is no training time
# Share of the minutes in which the rate falls, to a twentieth; before, it is constant (Haegele et al. 2024), so more minutes lose nothing.
DECAY = 0.3
MEAN_STEPS = 200  # of the running mean of the weights, which is what is published: it stands still where they jump


def train(model, loss_of, rates, minutes, checkpoint, log, title, resume=None, workers=1, weight_decay=0.05, accumulate=1):
    """Trains what `rates` names, [(parameters, peak rate, whether they are matrices for Muon)], until `minutes` are spent,
    those before a resume included.

    loss_of(step, rank) makes a batch and returns its loss. With several workers, each process learns from batches of its
    own and changes the same shared weights without waiting for the others (Hogwild): on a shared CPU nobody stands still
    for a core that is taken away. Returns what was spent.
    """
    spent = {"minutes": 0.0, "step": 0, "cpu_s": 0.0} if resume is None else dict(resume["spent"])
    if resume:
        model.load_state_dict(resume["model"], strict=False)
    counts = torch.zeros(workers, 2, dtype=torch.double).share_memory_()  # steps and CPU seconds of each
    arguments = (model, loss_of, rates, minutes, checkpoint, log, title, resume, spent, counts, weight_decay, accumulate)
    if workers > 1:
        for parameters, *_ in rates:
            for parameter in parameters:
                parameter.data.share_memory_()
        context = torch.multiprocessing.get_context("fork")
        others = [context.Process(target=_learn, args=(rank, *arguments)) for rank in range(1, workers)]
        for other in others:
            other.start()
    _learn(0, *arguments)
    if workers > 1:
        for other in others:
            other.join()
    return _used(spent, counts, minutes)


def _used(spent, counts, minutes):
    return {"minutes": minutes, "step": spent["step"] + int(counts[:, 0].sum()), "cpu_s": spent["cpu_s"] + float(counts[:, 1].sum())}


def _learn(rank, model, loss_of, rates, minutes, checkpoint, log, title, resume, spent, counts, weight_decay, accumulate):
    torch.manual_seed(int(time.time()) * 10 + rank)
    learned = [p for parameters, *_ in rates for p in parameters]
    groups = [{"params": list(p), "peak": rate, "matrices": bool(matrices)} for p, rate, matrices in rates]
    optimizer = Muon(groups, betas=(0.9, 0.98), weight_decay=weight_decay)
    known = resume and resume.get("optimizer") and "muon" in resume["optimizer"]
    if known:
        optimizer.load_state_dict(resume["optimizer"])
        for group, (_, rate, _) in zip(optimizer.param_groups, rates):
            group["peak"] = rate
    running = {name: value.clone() for name, value in (resume or {}).get("mean", {}).items()}
    averaged = MEAN_STEPS if running else 0
    saved = logged = last = time.monotonic()
    minutes_here = 0.0
    cpu_began, steps_logged, mean_loss, step = sum(os.times()[:2]), 0, None, 0

    def state():
        kept = {name: value for name, value in model.state_dict().items() if not name.startswith("frozen.")}
        return {"model": kept, "mean": running, "optimizer": optimizer.state_dict(), "spent": _used(spent, counts, spent["minutes"] + minutes_here)}

    while (share := (spent["minutes"] + minutes_here) / minutes) < 1:
        warm = 1.0 if known else min(1.0, (step + 1) / 40)
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * warm * min(1.0, 0.05 + 0.95 * (1 - share) / DECAY)
        optimizer.zero_grad(set_to_none=True)
        for part in range(accumulate):
            loss = loss_of(step * accumulate + part, rank)
            (loss / accumulate).backward()
            mean_loss = loss.item() if mean_loss is None else 0.97 * mean_loss + 0.03 * loss.item()
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        step, now = step + 1, time.monotonic()
        minutes_here += min(now - last, PAUSE_S) / 60
        last = now
        counts[rank, 0], counts[rank, 1] = step, sum(os.times()[:2]) - cpu_began
        if rank:
            continue
        averaged = min(averaged + 1, MEAN_STEPS)  # a mean of few steps at first
        for name, value in model.state_dict().items():
            if value.is_floating_point() and not name.startswith("frozen."):
                running.setdefault(name, value.clone()).lerp_(value, 1 / averaged)
        if now - logged > 60:
            used, total = state()["spent"], int(counts[:, 0].sum())
            log(f"{title} step {used['step']}, {(total - steps_logged) / (now - logged):.2f} steps/s, {used['minutes']:.1f} min, "
                f"{used['cpu_s'] / 3600:.2f} CPU-hours, loss {mean_loss:.3f}")
            logged, steps_logged = now, total
        if now - saved > CHECKPOINT_S:
            checkpoint(state())
            saved = now
    if rank == 0:
        checkpoint(state())
