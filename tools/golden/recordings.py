#!/usr/bin/env python3
"""Makes tests/golden/whisper/recordings.json: what transformers hears in recordings that Debian packages ship.

Each is brought to 16 kHz mono by sox without dither, as the test does, and decoded in one window, greedily, in f32, with
Whisper tiny.en as tools/fetch-models leaves it. Run without arguments, with torch, transformers and tokenizers installed.
"""
import json
import os
import pathlib
import subprocess

import numpy as np
import tokenizers
import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "whisper"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
MODEL = CACHE / "vedette" / "models" / "whisper-tiny.en"
ASTERISK = "/usr/share/asterisk/sounds/en_US_f_Allison/"
CODEC2 = "/usr/share/codec2/"
RECORDINGS = [
    "/usr/share/sounds/alsa/Front_Center.wav", "/usr/share/sounds/alsa/Rear_Left.wav",
    ASTERISK + "basic-pbx-ivr-main.wav", ASTERISK + "demo-echotest.wav", ASTERISK + "conf-adminmenu.wav",
    ASTERISK + "demo-abouttotry.wav", ASTERISK + "vm-options.wav",
    CODEC2 + "raw/speech_orig_16k.wav", CODEC2 + "wav/hts1a.wav", CODEC2 + "wav/mmt1.wav", CODEC2 + "wav/morig.wav",
    CODEC2 + "wav/vk5qi.wav",
]


def samples_of(path):
    command = ["sox", "-D", path, "-r", "16000", "-c", "1", "-b", "16", "-e", "signed-integer", "-t", "raw", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.int16).astype(np.float32) / 32768


def main():
    model = transformers.WhisperForConditionalGeneration.from_pretrained(MODEL, dtype=torch.float32).eval()
    extractor = transformers.WhisperFeatureExtractor.from_pretrained(MODEL)
    tokenizer = tokenizers.Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    entries = []
    for path in RECORDINGS:
        samples = samples_of(path)
        features = extractor(samples, sampling_rate=16000, return_tensors="pt").input_features
        with torch.no_grad():
            tokens = model.generate(features, return_timestamps=True, force_unique_generate_call=True)[0].tolist()
        end = model.generation_config.eos_token_id
        tokens = [token for token in tokens[1:] if token != end]
        text = tokenizer.decode([token for token in tokens if token < end])
        entries.append({"file": path, "samples": len(samples), "tokens": tokens, "text": text})
        print(path, text)
    manifest = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__}
    lines = ",\n".join("    " + json.dumps(entry, ensure_ascii=False) for entry in entries)
    (ROOT / "recordings.json").write_text(
        '{\n  "made_with": ' + json.dumps(manifest) + ',\n  "recordings": [\n' + lines + "\n  ]\n}\n")


if __name__ == "__main__":
    main()
