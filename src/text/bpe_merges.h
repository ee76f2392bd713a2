#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace glm_image::text {

/// The ranked merges of a byte-pair encoding. Each replaces a pair of adjacent tokens by one token.
class BpeMerges {
 public:
  struct Merge {
    int32_t left;
    int32_t right;
    int32_t result;
  };

  BpeMerges() = default;
  /// `merges` is in order of priority, highest first. Of two merges of the same pair the later one
  /// applies, as in Hugging Face's tokenizers.
  explicit BpeMerges(const std::vector<Merge>& merges);

  /// Applies merges until none is left: always the pair of the lowest rank, the leftmost if several
  /// have it. O(n log n) in the number of tokens.
  std::vector<int32_t> apply(const std::vector<int32_t>& tokens) const;

 private:
  struct Rule {
    uint64_t pair;
    int32_t rank;
    int32_t result;
  };
  const Rule* find(int32_t left, int32_t right) const;

  std::vector<Rule> rules_;  // by pair
};

}  // namespace glm_image::text
