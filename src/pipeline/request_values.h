#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "glm_image/request.h"

/// The checks of a request that need no model: pipeline/request_check has the others.
namespace glm_image::pipeline {

/// Checks the texts of a request, that its parts go together, and its settings. The pictures to
/// start from may still be unread: `pictures` is their number. Throws kInvalidInput naming the
/// field, what is allowed and what was found.
void check_values(const Request& request, std::size_t pictures);

/// Checks the numbers of a request that are set. Throws as check_values does.
void check_settings(const Request& request);

/// Throws kInvalidInput unless both sides are multiples of 32 from 32 to 4096.
void check_size(int64_t width, int64_t height);

/// What messages call a condition picture of a request: "picture 1" for index 0. It is the source
/// of an Error about its content.
inline std::string picture_name(std::size_t index) {
  return "picture " + std::to_string(index + 1);
}

/// Returns the prompt without its byte order mark, which forms may send with a file. The
/// reference's rules keep it.
std::string prompt_without_mark(const Request& request);

/// The number of compositions that the generator writes: several for one picture with best_of.
int64_t compositions_of(const Request& request);

/// The number of visual tokens that the generator writes, for all compositions.
int64_t written_tokens(const Request& request);

/// Whether the texts of the pictures are to be read back.
bool wants_verification(const Request& request);

/// Returns the texts that a picture of this request must spell: those that the prompt quotes, then
/// `request.texts`. They are in NFC unless the rules are the reference's.
std::vector<std::string> texts_to_spell(const Request& request);

}  // namespace glm_image::pipeline
