#!/usr/bin/env python3
"""Makes tests/golden/whisper: tiny random Whisper models with what transformers computes from them, and log-mels.

Each case is a model folder (weights in bf16, so that the file is small and exact in f32) beside
- inputs.safetensors: input_features, decoder_input_ids, aligned_ids (a text whose words are to be timed);
- outputs.safetensors: encoder_last_hidden_state, logits, greedy_tokens (plain argmax), timed_greedy and timed_beam (whole
  generation with timestamps, suppressed tokens and all), token_frames (dynamic time warping of aligned_ids).
log_mel.safetensors holds a short waveform and columns of its log-mels. Run without arguments, with torch, transformers
and safetensors installed; the manifest says with which versions.
"""
import json
import pathlib

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from transformers.models.whisper.generation_whisper import _dynamic_time_warping, _median_filter

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "whisper"
GENERATED = 14
FRAMES = 40      # encoder frames of a window of these models
TIMESTAMPS = 41  # 0.00 to 0.80 s

CASES = {
    # name: (mels, hidden, encoder layers and heads, decoder layers and heads, feed-forward, multilingual, bare names)
    "english_80": (80, 16, 2, 2, 2, 2, 32, False, False),
    "multilingual_128": (128, 24, 1, 3, 3, 3, 20, True, True),
}


def vocabulary(multilingual):
    """Ids as published vocabularies order them: text, end, start, languages, tasks, previous, no speech, no timestamps."""
    text = 60
    ids = {"end": text, "start": text + 1}
    following = text + 2
    for name in ("en", "de", "fr", "translate", "transcribe", "startoflm", "previous", "no_speech", "no_timestamps"):
        if multilingual or name in ("previous", "no_speech", "no_timestamps"):
            ids[name] = following
            following += 1
    ids["size"] = following + TIMESTAMPS
    return ids


def make_model(name, mels, hidden, encoder_layers, encoder_heads, decoder_layers, decoder_heads, ffn, multilingual):
    torch.manual_seed(sum(map(ord, name)))
    ids = vocabulary(multilingual)
    suppressed = [1, 5, 9] + ([ids["startoflm"], ids["translate"], ids["transcribe"]] if multilingual else [])
    suppressed += [ids["start"], ids["previous"], ids["no_speech"]]
    config = transformers.WhisperConfig(
        vocab_size=ids["size"], num_mel_bins=mels, d_model=hidden, encoder_layers=encoder_layers,
        encoder_attention_heads=encoder_heads, decoder_layers=decoder_layers, decoder_attention_heads=decoder_heads,
        encoder_ffn_dim=ffn, decoder_ffn_dim=ffn, max_source_positions=FRAMES, max_target_positions=32,
        decoder_start_token_id=ids["start"], eos_token_id=ids["end"], bos_token_id=ids["end"], pad_token_id=ids["end"],
        suppress_tokens=None, begin_suppress_tokens=None)
    model = transformers.WhisperForConditionalGeneration(config).eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if parameter.ndim == 1:
                centre = 1.0 if "norm.weight" in key else 0.0
                parameter.copy_(centre + 0.2 * torch.randn_like(parameter))
            elif "encoder.embed_positions" not in key:
                fan = parameter[0].numel()
                parameter.copy_(1.4 / fan ** 0.5 * torch.randn_like(parameter))
    model.to(torch.bfloat16).float()
    generation = transformers.GenerationConfig(
        decoder_start_token_id=ids["start"], eos_token_id=ids["end"], bos_token_id=ids["end"], pad_token_id=ids["end"],
        suppress_tokens=suppressed, begin_suppress_tokens=[3, ids["end"]], max_length=32)
    generation.no_timestamps_token_id = ids["no_timestamps"]
    generation.max_initial_timestamp_index = 12
    generation.is_multilingual = multilingual
    generation.alignment_heads = [[decoder_layers - 1, 0], [0, 1]]
    if multilingual:
        generation.lang_to_id = {f"<|{code}|>": ids[code] for code in ("en", "de", "fr")}
        generation.task_to_id = {task: ids[task] for task in ("translate", "transcribe")}
    model.generation_config = generation
    return model, ids


def generate_timed(model, features, beams):
    """Tokens after the prompt, one window after another, each padded with -1."""
    rows = []
    for window in features:
        kwargs = dict(language=None, task="transcribe") if model.generation_config.is_multilingual else {}
        prompt = 3 if model.generation_config.is_multilingual else 1
        tokens = model.generate(window[None], return_timestamps=True, num_beams=beams, max_new_tokens=GENERATED,
                                force_unique_generate_call=True, **kwargs)[0].tolist()
        tokens = tokens[prompt:] if tokens[0] == model.config.decoder_start_token_id else tokens
        end = model.config.eos_token_id
        tokens = tokens[:tokens.index(end)] if end in tokens else tokens
        rows.append(tokens + [-1] * (GENERATED - len(tokens)))
    return torch.tensor(rows)


def align(model, features, tokens, first):
    """Frame at which each token after `first` begins: openai/whisper's find_alignment with transformers' own parts."""
    model.model.config._attn_implementation = "eager"
    with torch.no_grad():
        attentions = model(input_features=features, decoder_input_ids=tokens, output_attentions=True).cross_attentions
    weights = torch.stack([attentions[layer][0, head] for layer, head in model.generation_config.alignment_heads])
    weights = weights[..., : FRAMES - 7]  # the sound is shorter than the window
    weights = weights / weights.sum(-1, keepdim=True)
    deviation, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    weights = _median_filter(((weights - mean) / deviation), model.config.median_filter_width).mean(0)
    text, time = _dynamic_time_warping(-weights[first:-1].double().numpy())
    return torch.tensor(time[np.pad(np.diff(text), (1, 0), constant_values=1).astype(bool)].copy())


def make_case(name, mels, hidden, encoder_layers, encoder_heads, decoder_layers, decoder_heads, ffn, multilingual, bare):
    model, ids = make_model(name, mels, hidden, encoder_layers, encoder_heads, decoder_layers, decoder_heads, ffn,
                            multilingual)
    folder = ROOT / name
    folder.mkdir(parents=True, exist_ok=True)
    features = torch.randn(2, mels, 2 * FRAMES).to(torch.bfloat16).float()
    decoder_ids = torch.randint(0, ids["size"], (2, 9))
    with torch.no_grad():
        result = model(input_features=features, decoder_input_ids=decoder_ids)
        greedy = decoder_ids
        for _ in range(GENERATED):
            step = model(input_features=features, decoder_input_ids=greedy).logits[:, -1]
            best = step.topk(2).values
            assert (best[:, 0] - best[:, 1]).min() > 1e-3, "greedy tokens would hang on rounding: change the seed"
            greedy = torch.cat([greedy, step.argmax(-1, keepdim=True)], dim=1)
    start = [ids["start"]] + ([ids["de"], ids["transcribe"]] if multilingual else [])
    text = torch.randint(0, 60, (11,)).tolist()
    aligned = torch.tensor([start + [ids["no_timestamps"]] + text + [ids["end"]]])
    outputs = {
        "encoder_last_hidden_state": result.encoder_last_hidden_state, "logits": result.logits,
        "greedy_tokens": greedy[:, decoder_ids.shape[1]:], "timed_greedy": generate_timed(model, features, 1),
        "timed_beam": generate_timed(model, features, 4),
        "token_frames": align(model, features[:1], aligned, len(start)),
    }
    if multilingual:
        outputs["languages"] = model.detect_language(features)
    inputs = {"input_features": features.to(torch.bfloat16), "decoder_input_ids": decoder_ids, "aligned_ids": aligned}
    (model.model if bare else model).to(torch.bfloat16).save_pretrained(folder)
    if bare:
        model.generation_config.save_pretrained(folder)
    save_file(inputs, folder / "inputs.safetensors")
    save_file({key: value.contiguous() for key, value in outputs.items()}, folder / "outputs.safetensors")
    print(name, "timed greedy", outputs["timed_greedy"].tolist(), "beam", outputs["timed_beam"].tolist(),
          "frames", outputs["token_frames"].tolist())
    for file in folder.iterdir():
        file.chmod(0o644)


def make_log_mels():
    """A chirp, a click and noise, 0.55 s of a window of 1 s: every part of the picture has something in it."""
    random = np.random.default_rng(7)
    time = np.arange(8800) / 16000
    wave = 0.4 * np.sin(2 * np.pi * (200 + 3000 * time) * time) + 0.02 * random.standard_normal(time.size)
    wave[4000] += 0.5
    samples = np.round(np.clip(wave, -1, 1) * 32767).astype(np.int16)
    columns = sorted({0, 1, 2, 53, 54, 55, 56, 98, 99} | set(range(0, 100, 9)))
    tensors = {"samples": torch.from_numpy(samples.astype(np.int32)), "columns": torch.tensor(columns)}
    for mels in (80, 128):
        extractor = transformers.WhisperFeatureExtractor(feature_size=mels, chunk_length=1)
        picture = extractor(samples.astype(np.float32) / 32768, sampling_rate=16000).input_features[0]
        tensors[f"log_mel_{mels}"] = torch.from_numpy(picture[:, columns].copy())
        tensors[f"filter_sums_{mels}"] = torch.from_numpy(extractor.mel_filters.sum(0).astype(np.float32))
    save_file(tensors, ROOT / "log_mel.safetensors")
    (ROOT / "log_mel.safetensors").chmod(0o644)


def main():
    for name, case in CASES.items():
        make_case(name, *case)
    make_log_mels()
    manifest = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__, "cases": list(CASES)}
    (ROOT / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
