#pragma once

#include <string>
#include <vector>

#include "cluster/message.h"
#include "cluster/wire.h"
#include "glm_image/pipeline.h"

/// Requests, pictures and progress as messages.
namespace glm_image::cluster {

/// How the ranks of a part divide the denoising.
enum class Way {
  kAlone,     ///< the part's first rank does it alone
  kGuidance,  ///< two ranks, each with one of the two evaluations of a guided step
  kTokens,    ///< each rank computes some of the image tokens of every evaluation
};
/// "alone", "guidance", "tokens".
const char* way_name(Way way);

/// A part of a spread request: the pictures that one or more ranks draw.
struct DrawPart {
  int64_t id = 0;          ///< unique within the coordinator's life
  Request request;         ///< resolved (Pipeline::check)
  std::vector<int> ranks;  ///< the leader first
  Way way = Way::kAlone;
  /// Whether each rank holds its share of the generator's weights and all of them decode together;
  /// otherwise the first rank runs the generator.
  bool shares_generator = false;
  Wire wire = Wire::kExact;  ///< of Way::kTokens

  /// Prefix of the part's keys in the meeting place.
  std::string key() const;
};

Message draw_message(const DrawPart& part);
/// Throws kInternal or kCorruptFile for a message that draw_message did not create.
DrawPart part_from(const Message& message);

Message result_message(int64_t part, const Result& result);
Result result_from(const Message& message);

Message progress_message(int64_t part, const Progress& progress);
Progress progress_from(const Message& message);

Message preview_message(int64_t part, const Preview& preview);
Preview preview_from(const Message& message);

/// The failure of a part on one rank.
Message failure_message(int64_t part, const Error& error);
Error failure_from(const Message& message);

/// The part that a message is about.
int64_t part_of(const Message& message);

}  // namespace glm_image::cluster
