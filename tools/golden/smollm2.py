#!/usr/bin/env python3
"""Makes tests/golden/smollm2/greedy.json: what SmolLM2-135M-Instruct says in f32 to a dozen chats, by transformers.

Run with the folder that `tools/fetch-models` imported as the only argument. Each chat holds its prompt, rendered and
encoded, and the 48 likeliest tokens that follow, the end token being one like any other.
"""
import json
import pathlib
import sys

import torch
import transformers

OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "smollm2" / "greedy.json"
GENERATED = 48
SYSTEM = "You answer questions about what was heard on a stream. Answer in one short sentence."

CHATS = [
    [("user", "What is the capital of France?")],
    [("user", "Write a haiku about the sea.")],
    [("system", SYSTEM), ("user", "[heard 10.2-13.4] \"the gate is open\"\n\nWhat was said about the gate?")],
    [("system", SYSTEM), ("user", "[heard 3.0-9.1] \"two trucks arrived at seven\"\n\nHow many trucks arrived?")],
    [("user", "List three primary colours.")],
    [("user", "Explain what a lighthouse is for."), ("assistant", "It warns ships."), ("user", "Of what?")],
    [("user", "Translate to Spanish: good morning, my friend.")],
    [("user", "What is 17 plus 25?")],
    [("user", "Summarise: The train was late because of snow on the tracks. Passengers waited two hours.")],
    [("user", "Name an animal that lives in the desert and say why it can.")],
    [("user", "Erz\u00e4hle mir etwas \u00fcber Z\u00fcrich \u2013 kurz, bitte! \U0001f3d4")],
    [("system", "You are a pirate."), ("user", "Describe your ship in two sentences.")],
]


def main():
    folder = sys.argv[1]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    chats = []
    for turns in CHATS:
        messages = [{"role": role, "content": content} for role, content in turns]
        prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]
        ids = torch.tensor([prompt])
        with torch.no_grad():
            out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False,
                                 max_new_tokens=GENERATED, min_new_tokens=GENERATED, eos_token_id=None, pad_token_id=2)
        chats.append({"prompt": prompt, "greedy": out[0, ids.shape[1]:].tolist()})
        print(tokenizer.decode(chats[-1]["greedy"]).replace("\n", " | "))
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join("  " + json.dumps(chat, separators=(",", ":")) for chat in chats)
    OUTPUT.write_text('{"torch": "%s", "transformers": "%s", "chats": [\n%s\n]}\n'
                      % (torch.__version__.split("+")[0], transformers.__version__, lines))


if __name__ == "__main__":
    main()
