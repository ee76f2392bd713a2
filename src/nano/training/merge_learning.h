#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace glm_image::nano {

/// Left and right part of a merge, in the byte alphabet (text/byte_alphabet.h).
using TokenPair = std::pair<std::string, std::string>;

/// Learns the merges of a byte-pair encoding (Sennrich et al. 2016): the most frequent pair of
/// adjacent tokens becomes a new token, repeatedly. Ties go to the pair that sorts first.
///
/// `words` maps pieces of text in the byte alphabet to their counts. Returns the merges in order.
/// Stops when they produce `tokens` distinct tokens (two merges may produce the same one) or when
/// no pair occurs twice.
std::vector<TokenPair> learn_merges(const std::map<std::string, int64_t>& words, int64_t tokens);

}  // namespace glm_image::nano
