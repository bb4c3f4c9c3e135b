"""What the encoder's linear heads say of a picture, as the daemon reads them: the reference for its code, and its calibration."""
import torch
import torch.nn.functional as F
from camera import FAULTS
from encoder import COUNTS, PATCH_PARTS, WHOLE_PARTS, patch_centres
from world import COLOUR_NAMES, GRID, KINDS

SIDES = (0.36, 0.64)
SURE, LIKELY = 0.5, 0.35  # daemon/narration/scene.cpp: from here by name; from here as "something"; else not told
DEFAULTS = {"centre_threshold": 0.5, "kind_temperature": 1.0, "something_below": 0.3, "score": [1.0, 1.0, 0.0],
            "something_score": [1.0, 0.0], "colour_least": 0.6, "most": 5, "fault_temperature": 1.0, "fault_least": 0.7,
            "presence_least": [0.5, 0.5, 0.5, 1.0]}  # of each kind; things are everywhere, and never told so
FALSE_ALARMS = 0.005  # of clear pictures, at most, that may be told as faulty


def config(calibration: dict) -> dict:
    return {"model_type": "patch_heads", "patch": list(PATCH_PARTS.items()), "whole": list(WHOLE_PARTS.items()), "kinds": KINDS, "colours": COLOUR_NAMES,
            "faults": FAULTS, "counts": COUNTS, "sides": list(SIDES), **calibration}


def side(x: float) -> str:
    return "left" if x < SIDES[0] else "right" if x > SIDES[1] else "middle"


def logit(p):
    p = torch.as_tensor(p).clamp(1e-6, 1 - 1e-6)
    return torch.log(p / (1 - p))


def peaks(guess: dict, cal: dict) -> list:
    """Of one picture ({part: [100, outputs]}): [{c, q [4], x, y, w, h, colour [12]}], the strongest first."""
    c = torch.sigmoid(guess["centre"][:, 0])
    grid = F.pad(c.view(1, 1, GRID, GRID), (1, 1, 1, 1), value=-1.0)
    around = F.unfold(grid, 3)[0].T  # [100, 9]
    order = torch.arange(9)
    highest = ((around < c[:, None]) | ((around == c[:, None]) & (order >= 4))).all(1)
    kind = (guess["kind"] / cal["kind_temperature"]).softmax(-1)
    colour, centres, found = guess["colour"].softmax(-1), patch_centres(c.device), []
    for i in torch.nonzero(highest & (c >= cal["centre_threshold"]))[:, 0].tolist():
        row, column = divmod(i, GRID)
        near = [r * GRID + k for r in range(max(0, row - 1), min(GRID, row + 2)) for k in range(max(0, column - 1), min(GRID, column + 2))]
        weight = 1 - kind[near, 0]
        q = (kind[near] * weight[:, None]).sum(0)[1:]
        tint = (colour[near] * weight[:, None]).sum(0) / weight.sum().clamp(min=1e-6)
        x, y = (centres[i] + guess["box"][i, :2]).clamp(0, 1).tolist()
        w, h = guess["box"][i, 2:].clamp(0.02, 1).tolist()
        found.append({"c": float(c[i]), "q": q / q.sum().clamp(min=1e-6), "x": x, "y": y, "w": w, "h": h, "colour": tint})
    kept = []
    for one in sorted(found, key=lambda p: -p["c"]):
        if all(abs(one["x"] - k["x"]) > 0.5 * min(one["w"], k["w"]) or abs(one["y"] - k["y"]) > 0.5 * min(one["h"], k["h"]) for k in kept):
            kept.append(one)
    return kept[: cal["most"]]


def sighting(peak: dict, cal: dict) -> dict:
    best = int(peak["q"].argmax())
    share = float(peak["q"][best])
    if share < cal["something_below"]:
        a, d = cal["something_score"]
        return {"what": "something", "where": side(peak["x"]), "score": float(torch.sigmoid(a * logit(peak["c"]) + d))}
    a, b, d = cal["score"]
    tint = int(peak["colour"].argmax())
    named = float(peak["colour"][tint]) >= cal["colour_least"] and COLOUR_NAMES[tint] != "mixed"
    what = (COLOUR_NAMES[tint] + " " if named else "") + KINDS[1 + best]
    return {"what": what, "where": side(peak["x"]), "score": float(torch.sigmoid(a * logit(peak["c"]) + b * logit(share) + d))}


def told(found: list, cal: dict) -> list:
    """[(peak, what)] as the timeline shows them."""
    seen = [(peak, sighting(peak, cal)) for peak in found]
    return [(peak, one["what"] if one["score"] >= SURE else "something") for peak, one in seen if one["score"] >= LIKELY]


def likely(presence, cal: dict) -> list:
    """[(kind, probability)] of the kinds that are likely in the picture; presence: [kinds - 1] logits."""
    return [(kind, p) for kind, p, least in zip(KINDS[1:], torch.sigmoid(presence).tolist(), cal["presence_least"]) if p >= least]


def doubts(seen: list, presence, cal: dict) -> list:
    """Kinds that are likely in the picture and not told by name, where anything is told."""
    names = [what.split()[-1] for _, what in seen]
    return [kind for kind, _ in likely(presence, cal) if names and kind not in names]


@torch.no_grad()
def run(model, world, scenes_wanted, photos=0.0, control="", faults=False):
    """[(scenes, guesses of patches, guesses of wholes)] on pictures of a world, clear ones unless faults are wanted."""
    batches = []
    for _ in range(0, scenes_wanted, 100):
        scenes = world.render(100, photos=photos, faults=faults)
        pixels = scenes.pixels[:, -1]
        pixels = torch.zeros_like(pixels) if control == "black" else pixels.roll(1, 0) if control == "swap" else pixels
        with torch.autocast(pixels.device.type, torch.bfloat16):
            patches = model.features(pixels)
            guess, whole = model.patch_heads(patches), model.whole_heads(patches)
        batches.append((scenes, guess, whole))
    return batches


def things(scenes, i):
    """True things of scene i that are seen: [(kind, colour or -1, x, y, w, h)]."""
    seen = []
    for slot, kind in enumerate(scenes.kind[i].tolist()):
        if kind and (scenes.owner[i] == slot).any():
            seen.append((kind, -1 if scenes.grey[i] else scenes.colour[i][slot].item(), *scenes.box[i][slot].tolist()))
    return seen


def matched(found, truth):
    """Pairs of (peak, thing): the nearest in units of the thing's size, each once."""
    pairs, left = [], list(range(len(truth)))
    for peak in found:
        near = [(max(abs(peak["x"] - truth[j][2]) / max(truth[j][4], 0.15), abs(peak["y"] - truth[j][3]) / max(truth[j][5], 0.15)), j) for j in left]
        if near and min(near)[0] < 0.6:
            left.remove(min(near)[1])
            pairs.append((peak, truth[min(near)[1]]))
    return pairs


def faults_of(batches):
    """What is true, and logits."""
    return torch.cat([scenes.fault for scenes, _, _ in batches]), torch.cat([whole["fault"] for _, _, whole in batches])


def fault_told(logits, cal):
    """[n] index into FAULTS: 0 where none is sure enough."""
    share, best = (logits / cal["fault_temperature"]).softmax(-1).max(-1)
    return torch.where(share >= cal["fault_least"], best, 0)


def calibrate(batches, faulty) -> dict:
    """Threshold by the counts that it gives where there is something, and by the silence where there is nothing, each with half
    the weight; temperatures and scores by likelihood; faults by few false alarms."""
    cal, best = dict(DEFAULTS), -1.0
    for threshold in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        trial, good = {**cal, "centre_threshold": threshold}, {False: [], True: []}
        for scenes, guess, _ in batches:
            for i in range(len(scenes.kind)):
                truth = things(scenes, i)
                good[bool(truth)].append(len(peaks({k: v[i] for k, v in guess.items()}, trial)) == len(truth))
        mean = sum(sum(g) / max(1, len(g)) for g in good.values()) / 2
        if mean > best:
            best, cal["centre_threshold"] = mean, threshold
    logits = torch.cat([guess["kind"].flatten(0, 1)[scenes.patch_kind.flatten() > 0] for scenes, guess, _ in batches])
    label = torch.cat([scenes.patch_kind.flatten()[scenes.patch_kind.flatten() > 0] for scenes, _, _ in batches])
    heats = torch.linspace(0.6, 3, 25)
    truth, guess = faults_of(faulty)
    cal["fault_temperature"] = round(float(heats[torch.stack([F.cross_entropy(guess / t, truth) for t in heats]).argmin()]), 2)
    for cal["fault_least"] in (0.5, 0.6, 0.7, 0.8, 0.9):
        if float((fault_told(guess, cal)[truth == 0] != 0).float().mean()) <= FALSE_ALARMS:
            break
    cal["presence_least"] = least_presence(batches)
    cal["kind_temperature"] = round(float(heats[torch.stack([F.cross_entropy(logits / t, label) for t in heats]).argmin()]), 2)
    rows, right, there = [], [], []
    for scenes, guess, _ in batches:
        for i in range(len(scenes.kind)):
            found = peaks({k: v[i] for k, v in guess.items()}, cal)
            truth = dict((id(p), t) for p, t in matched(found, things(scenes, i)))
            for p in found:
                rows.append([float(logit(p["c"])), float(logit(p["q"].max()))])
                there.append(float(id(p) in truth))
                right.append(float(id(p) in truth and truth[id(p)][0] == 1 + int(p["q"].argmax())))
    if len(rows) >= 20:
        rows, right, there = torch.tensor(rows), torch.tensor(right), torch.tensor(there)
        cal["score"] = logistic(rows, right)
        cal["something_score"] = logistic(rows[:, :1], there)
    return cal


def least_presence(batches) -> list:
    """Of each kind the probability from which it is told as likely: the one that tells it and its absence best, each with half the weight."""
    guess = torch.cat([whole["presence"] for _, _, whole in batches]).float().sigmoid()
    truth = torch.stack([torch.tensor([any(t[0] == kind for t in things(scenes, i)) for scenes, _, _ in batches for i in range(len(scenes.kind))])
                         for kind in range(1, len(KINDS))], 1)
    steps, least = torch.linspace(0.05, 0.95, 37), []
    for p, there in zip(guess.T, truth.T):
        balanced = [float((p[there] >= t).float().mean() + (p[~there] < t).float().mean()) for t in steps] if there.any() else [0.0]
        least.append(round(float(steps[balanced.index(max(balanced))]), 3))
    return least[:-1] + [DEFAULTS["presence_least"][-1]]


def logistic(x, y):
    fit = torch.zeros(x.shape[1] + 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([fit], max_iter=100)

    def closure():
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(x @ fit[:-1] + fit[-1], y) + 1e-3 * (fit ** 2).sum()
        loss.backward()
        return loss
    optimizer.step(closure)
    return [round(v, 3) for v in fit.tolist()]


def scores(batches, cal) -> dict:
    """Shares right, each with the commonest answer's share beside it: {slot: [right, commonest, n]}."""
    table, told_faults = {}, [fault_told(whole["fault"], cal) for _, _, whole in batches]

    def add(slot, good, truth):
        table.setdefault(slot, []).append((bool(good), truth))

    for (scenes, guess, whole), faults in zip(batches, told_faults):
        for i in range(len(scenes.kind)):
            add(f"state {FAULTS[scenes.fault[i]]}", faults[i] == scenes.fault[i], 0)
            if scenes.fault[i]:
                continue
            truth = things(scenes, i)
            seen = told(peaks({k: v[i] for k, v in guess.items()}, cal), cal)
            found, names = [peak for peak, _ in seen], {id(peak): what.split()[-1] for peak, what in seen}
            if not scenes.photo[i]:
                add("count", min(len(found), 4) == min(len(truth), 4), min(len(truth), 4))
                add("count, whole head", int(whole["count"][i].argmax()) == min(len(truth), 4), min(len(truth), 4))
            said = list(names.values())
            probable = said + doubts(seen, whole["presence"][i].float(), cal)
            for k, kind in enumerate(KINDS[1:-1], start=1):
                there = any(t[0] == k for t in truth)
                add(f"presence {'yes' if there else 'no'}", (kind in probable) == there, kind)
            if len(truth) == 1 and all(abs(truth[0][2] - border) > 0.04 for border in SIDES):  # not found is wrong, too
                add("position, one thing", bool(found) and side(found[0]["x"]) == side(truth[0][2]), side(truth[0][2]))
            pairs = matched(found, truth)
            add("things found", len(pairs), 0) if truth else add("nothing there", not found, 0)
            for what in said:
                if what != "something":
                    add("named and there", KINDS.index(what) in [t[0] for t in truth], 0)
            for peak, t in pairs:
                kind = 1 + int(peak["q"].argmax())
                add("class", kind == t[0], t[0])
                add(f"class {KINDS[t[0]]}", kind == t[0], t[0])
                if names[id(peak)] != "something":
                    add("class where named", names[id(peak)] == KINDS[t[0]], t[0])
                if 0 <= t[1] < len(COLOUR_NAMES) - 1:
                    add("colour", int(peak["colour"].argmax()) == t[1], t[1])
    result = {}
    for slot, rows in sorted(table.items()):
        truths = [t for _, t in rows]
        result[slot] = [round(sum(g for g, _ in rows) / len(rows), 3), round(max(map(truths.count, set(truths))) / len(rows), 2), len(rows)]
    if "presence yes" in result and "presence no" in result:
        result["presence, balanced"] = [round((result["presence yes"][0] + result["presence no"][0]) / 2, 3), 0.5, 0]
    return result
