#!/usr/bin/env python3
"""Token ids of whole prompts as the trainer of vedette-nano writes them, for the test of the daemon's pieces.

  prompt_layout.py SMOLLM2_FOLDER     # writes tests/golden/text/prompts.json
"""
import json
import pathlib
import sys

import transformers

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/nano"))
import layout  # noqa: E402

# (kind, start, end or None while it goes on, text; rows for a frame[, rows of a sound]), in the order of the prompt
CASES = [
    ([("heard", 10.2, 13.4, "The gate is open."), ("frame", 12.0, 12.0, 3), ("seen", 12.0, 12.0, "red person, middle, 0.8; thing, left, 0.6")],
     "question", "Describe what happens."),
    ([("frame", 0.0, 0.0, 1), ("sounded", 10.4, 12.3, "baby crying"), ("sounded", 11.0, 13.0, "dog", 6), ("sounded", 13.5, None, "rain", 2), ("moved", 12.0, 14.5, "one thing, right to left, enters"),
      ("moved", 14.0, None, "two things, left to right")], "check", "a person is visible"),
    ([("condition", 20.0, 31.0, "picture_black"), ("condition", 899.9, None, "sound_silent"), ("seen", 31.0, 31.0, "nothing, 0.9")],
     "question", "What was said? Café, 3 times \"yes\"!"),
    ([("heard", 0.0, 0.9, "It's 12 o'clock; don't <wait>"), ("frame", 1.0, 1.0, 25), ("frame", 2.0, 2.0, 25)], "question", "How many people are there?"),
    ([], "check", "somebody speaks"),
]


def main():
    tokenizer = transformers.AutoTokenizer.from_pretrained(sys.argv[1])
    rows = tokenizer.convert_tokens_to_ids([layout.FRAME_TOKEN, layout.SOUND_TOKEN])
    cases = []
    for facts, pattern, asked in CASES:
        text = "".join(layout.line(kind, start, end, layout.FRAME_TOKEN * what if kind == "frame" else what, *more)
                       for kind, start, end, what, *more in facts)
        whole = layout.prefix(text) + layout.turn(layout.fill(layout.LAYOUT[pattern], text=asked))
        ids = tokenizer(whole, add_special_tokens=False)["input_ids"]
        cases.append({"facts": facts, "pattern": pattern, "asked": asked, "ids": [-1 if i in rows else i for i in ids]})
    words = {key: [tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in layout.LAYOUT[key]] for key in ("yes", "no")}
    path = ROOT / "tests/golden/text/prompts.json"
    path.write_text(json.dumps({"transformers": transformers.__version__, "layout": layout.LAYOUT, "cases": cases, "first": words}) + "\n")


if __name__ == "__main__":
    main()
