#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace glm_image::train {

/// Left and right part of a merge, in the byte alphabet (text/byte_alphabet.h).
using TokenPair = std::pair<std::string, std::string>;

/// Learns the merges of a byte-pair encoding (Sennrich et al. 2016): the most frequent pair of
/// neighbours becomes a token, again and again; of pairs that are equally frequent the one that
/// sorts first.
///
/// `words`: pieces of text in the byte alphabet and how often each occurs. Returns the pairs in
/// order, until they make `tokens` different tokens (two pairs may make the same one) or no pair
/// occurs twice any more.
std::vector<TokenPair> learn_merges(const std::map<std::string, int64_t>& words, int64_t tokens);

}  // namespace glm_image::train
