#!/usr/bin/env python3
"""Makes tests/golden/text/: token ids, decoded text and chat templates as the reference (tokenizers, transformers) gives them.

  tools/golden/tokenizer.py MODELS    (the folder with whisper-tiny.en and smollm2-135m-instruct; see tools/fetch-models)

Needs transformers and tokenizers (versions used: tests/golden/text/manifest.json).
"""
import json
import pathlib
import random
import sys

import tokenizers
import transformers

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/text"
MODELS = ["whisper-tiny.en", "smollm2-135m-instruct"]

TRICKY = [
    "", " ", "  ", "   ", "\n", "\n\n", " \n", "\n ", "\t", "\r\n", "a", " a", "a ", " a ", "  a", "a  b", "a   b", "a \n b", "a\n\n\nb",
    "Hello world", "Hello, world!", "hello   world  ", "HELLO", "hElLo",
    "I'm you're he's we've they'll I'd don't", "I'M YOU'RE HE'S", "'s 't 're 've 'm 'll 'd", "it''s", "rock'n'roll", "l'homme d'État",
    "\u2019s it\u2019s", "0", "1", "12", "123", "2024-01-31T12:34:56.789Z", "3.14159", "1,000,000", "a1b2c3", "x86_64", "007 abc 42", " 1 2 3",
    "\u0661\u0662\u0663", "\u00b2\u00b3\u00b9", "\u00bd\u00bc", "\u2160\u2161\u2162", "\u2460\u2461", "\u4e00\u4e8c\u4e09", "\u0966\u0967\u0968", "\U0001d7ce\U0001d7cf",
    "a\u0663b", "v\u00b2 = 9", "H\u2082O", "5\u20ac", "$5.00", "100%", "#1", "@user", "C++", "C#", "f(x)=x^2", "a+b", "!!!", "...", "?!?!", "---", "___",
    "<div class=\"a\">b</div>", "http://example.com/path?q=1&r=2#frag", "user@example.com", "C:\\Users\\name", "/usr/lib/x86_64-linux-gnu",
    "def f(x):\n    return x + 1\n", "if (a && b) { c(); }", "\tindented\n\t\ttwice", "    four", "        eight", "SELECT * FROM t WHERE a='b';",
    "\u4f60\u597d\u4e16\u754c", "\u3053\u3093\u306b\u3061\u306f", "\u30ab\u30bf\u30ab\u30ca", "\uc548\ub155\ud558\uc138\uc694", "\u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440",
    "\u0393\u03b5\u03b9\u03ac \u03c3\u03bf\u03c5", "\u0645\u0631\u062d\u0628\u0627", "\u05e9\u05dc\u05d5\u05dd", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\u10d2\u10d0\u10db\u10d0\u10e0\u10ef\u10dd\u10d1\u10d0",
    "\u1e9e\u00df\u017f", "\u0130\u0131", "caf\u00e9", "cafe\u0301", "\u00c5ngstr\u00f6m", "A\u030angstro\u0308m", "e\u0301\u0301\u0301", "\u0301", " \u0301", "\u1100\u1161", "\ufb01ne", "\u0149",
    "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "\U0001f1e9\U0001f1ea", "\U0001f44d\U0001f3fd", "\u2764\ufe0f", "\u2602", "\u00a9\u00ae\u2122", "hi\U0001f600there", " \U0001f600 ",
    "\u00a0", "\u00a0a", "a\u00a0b", "\u2003\u2003a", "\u3000\u3000a", "\u200b", "a\u200bb", "\u180e", "a\u180eb", "\u1680x", "\u2028", "\u2029", "\u0085", "\u0085a", "\u000b\u000c", "\u001c\u001d\u001e\u001f",
    "\ufeff", "\ufeffa", "\u0000", "a\u0000b", "\u0001\u0002", "\u007f", "\u0080", "\u009f", "\u00ad", "\ufffd", "\uffff", "\U0010ffff", "\ue000", "\U000e0001",
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_start|>user\nhi<|im_end|>", "a<|endoftext|>b", " <|endoftext|> ", "<|endoftext|", "|endoftext|>", "<|im_end|><|im_end|>",
    "<|startoftranscript|><|notimestamps|> Hello<|endoftext|>", "<|0.00|> Hello<|1.00|>", "<|nospeech|>", "<repo_name>x<file_sep>y", "<|IM_START|>", "< |im_start|>",
    "a" * 100, " " * 50, "\n" * 20, "ab" * 60, "1" * 40, "!" * 40, "\u00e9" * 30, "\u4e00" * 30, "\U0001f600" * 10, " a" * 40, "\t " * 20,
    "antidisestablishmentarianism", "Pneumonoultramicroscopicsilicovolcanoconiosis", "Donaudampfschifffahrtsgesellschaftskapit\u00e4n",
    "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country.",
    " The quick brown fox jumps over the lazy dog.", "[t=12.0] [heard 10.2-13.4] \"words\"", "What was said between 12:00 and 12:05?",
    "trailing spaces   ", "   leading", "mid\t\ttabs", "a\u0300\u0301b", "\u202eabc\u202c", "x\u2060y", "\u2026\u2014\u2013\u201c\u201d\u2018\u2019", "\u00ab\u00bb", "\u221e\u2260\u2264", "\u2192\u21d2", "\u25a0\u25cf",
    "a\rb", "\r", "\r\r\n\n", " \t \n ", "end\n", "\nstart", "\u0430\u0301\u0431", "na\u00efve co\u00f6perate", "\u1ea4\u1ef3", "Vi\u1ec7t Nam", "\u0621\u0650", "\u0e01\u0e33", "\u0cb2\u0cbf\u0c95", "\u1f468",
]

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJ", "0123456789", " \t\n\r", ".,;:!?'\"-_()[]{}<>|/\\@#$%^&*+=~`", "\u00e0\u00e9\u00ee\u00f5\u00fc\u00df\u00e7", "\u0430\u0431\u0432\u0433\u0434\u0416",
    "\u4e00\u4e8c\u4e09\u4eba\u5927", "\u3042\u3044\u3046\u30a2\u30a4", "\U0001f600\U0001f680\u2764\ufe0f\u200d", "\u0300\u0301\u0308", "\u0661\u00b2\u00bd\u2163", "\u00a0\u2003\u3000\u0085\u2028",
]

CHATS = [
    [{"role": "user", "content": "What is the capital of France?"}],
    [{"role": "system", "content": "Answer briefly."}, {"role": "user", "content": "Who spoke?"}],
    [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "  two  spaces\n\nand lines \n"}],
    [{"role": "user", "content": "\nleading newline"}, {"role": "assistant", "content": ""}],
    [{"role": "assistant", "content": "I begin."}, {"role": "system", "content": "late"}, {"role": "user", "content": "caf\u00e9 \U0001f600 42"}],
    [{"role": "system", "content": ""}, {"role": "user", "content": ""}],
]


def random_strings(count):
    rng = random.Random(7)
    for _ in range(count):
        letters = "".join(rng.sample(ALPHABETS, rng.randint(1, 4)))
        yield "".join(rng.choice(letters) for _ in range(rng.randint(1, 40)))


def golden(folder):
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    plain = json.loads((folder / "tokenizer.json").read_text())
    plain["added_tokens"] = []  # the same without special-token parsing
    plain_tokenizer = tokenizers.Tokenizer.from_str(json.dumps({**plain, "post_processor": None}))
    cases = []
    for text in TRICKY + list(random_strings(160)):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        plain_ids = plain_tokenizer.encode(text, add_special_tokens=False).ids
        case = {"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=True)}
        if plain_ids != ids:
            case["plain_ids"] = plain_ids
        cases.append(case)
    return {"size": tokenizer.get_vocab_size(with_added_tokens=True), "cases": cases}


def chat_golden(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    cases = []
    for messages in CHATS:
        for prompt in (False, True):
            text = tokenizer.apply_chat_template(messages, add_generation_prompt=prompt, tokenize=False)
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            cases.append({"messages": messages, "add_generation_prompt": prompt, "text": text, "ids": ids})
    return {"template": tokenizer.chat_template, "cases": cases}


def main():
    models = pathlib.Path(sys.argv[1])
    OUT.mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        (OUT / f"{name}.json").write_text(json.dumps(golden(models / name), separators=(",", ":")) + "\n")
    (OUT / "chat.json").write_text(json.dumps(chat_golden(models / "smollm2-135m-instruct"), separators=(",", ":")) + "\n")
    manifest = {"made_by": "tools/golden/tokenizer.py", "tokenizers": tokenizers.__version__, "transformers": transformers.__version__}
    (OUT / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
