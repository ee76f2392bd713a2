#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace glm_image::text {

/// The merges of a byte-pair encoding: which two neighbouring tokens become which third one, and
/// which of them goes first.
class BpeMerges {
 public:
  struct Merge {
    int32_t left;
    int32_t right;
    int32_t result;
  };

  BpeMerges() = default;
  /// In order of priority, the first merge first. Of two merges of the same pair the later counts,
  /// as in Hugging Face's tokenizers.
  explicit BpeMerges(const std::vector<Merge>& merges);

  /// Merges neighbours until none can be: always the pair of the lowest rank, the leftmost of
  /// equals. O(n log n) in the number of tokens.
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
