#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "models/audio/transcript.h"
#include "models/audio/whisper_config.h"

namespace vedette::models::audio {

// Cuts generated tokens at their timestamps: text between two of them is a segment. Text before the first
// timestamp begins at 0, text after the last one ends at `audio_length`. Segments have tokens and times, no
// text yet.
std::vector<Segment> split_segments(const WhisperTokens& tokens, std::span<const std::int32_t> generated,
                                    std::chrono::nanoseconds audio_length);

// How much of the window is dealt with, so that the next window of a longer recording begins there: up to the
// end of the last segment that another one follows, as the published long-form algorithm goes on; all of it
// when the text ends with the window or stands in one piece.
std::chrono::nanoseconds settled_length(const WhisperTokens& tokens, std::span<const std::int32_t> generated,
                                        std::chrono::nanoseconds audio_length);

}  // namespace vedette::models::audio
