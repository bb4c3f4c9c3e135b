"""The one prompt layout, as models/nano/prompt_layout.json gives it and the daemon writes it."""
import json

FRAME_TOKEN = "<empty_output>"  # stands for one row of a picture; ordinary text never has it
SOUND_TOKEN = "<jupyter_output>"  # likewise of a sound
END = "<|im_end|>"
LAYOUT = {
    "system": "You are told what a camera saw and what a microphone heard, with times in seconds. Answer in one short sentence from "
              "that alone.",
    "frame": "[t={t}]{frame}\n",
    "heard": "[heard {from}-{to}] \"{text}\"\n",
    "seen": "[sees {t}] {text}\n",
    "moved": "[{tag} {from}-{to}] {text}\n",
    "sounded": "[sound {from_s}-{to_s}] {text}{sound}\n",
    "condition": "[{text} {from}-{to}]\n",
    "question": "\n{text}",
    "check": "\nIs it true that {text}? Answer yes or no.",
    "yes": ["Yes", "yes", " Yes", " yes"],
    "no": ["No", "no", " No", " no"],
    "pictures": 2,
    "sounds": 4,
    "seconds": 25,
}
# Of what the whole picture does (signals/motion.cpp); the rest "moves".
TAGS = {"the camera": "camera", "the light": "light", "many small": "specks", "the picture": "view"}


def fill(pattern: str, **values) -> str:
    for key, value in values.items():
        pattern = pattern.replace("{" + key + "}", value)
    return pattern


def tag(text: str) -> str:
    return TAGS.get(" ".join(text.split()[:2]), "moves")


def line(kind: str, start: float, end: float | None, text: str, rows: int = 0) -> str:
    """One fact; end None: it goes on. Whole seconds hold the fact: the first is rounded down, the last up. rows: of a sound."""
    return fill(LAYOUT[kind], **{"t": f"{start:.1f}", "from": f"{start:.1f}", "to": "" if end is None else f"{end:.1f}",
                                 "from_s": str(int(start)), "to_s": "" if end is None else str(-int(-end // 1)), "frame": text, "sound": SOUND_TOKEN * rows, "text": text,
                                 "tag": tag(text)})


def prefix(facts: str) -> str:
    return f"<|im_start|>system\n{LAYOUT['system']}{END}\n<|im_start|>user\n{facts}"


def turn(asked: str) -> str:
    return f"{asked}{END}\n<|im_start|>assistant\n"


def write(path, answers: bool, narrates: bool, classes: list):
    path.write_text(json.dumps({**LAYOUT, "answers": answers, "narrates": narrates, "classes": classes}, indent=1) + "\n")
