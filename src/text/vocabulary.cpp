#include "text/vocabulary.h"

#include <algorithm>

namespace glm_image::text {

Vocabulary::Vocabulary(std::vector<Entry> entries) : entries_(std::move(entries)) {
  const auto before = [](const Entry& a, const Entry& b) { return a.token < b.token; };
  // Entries from a JSON object are sorted already.
  if (!std::is_sorted(entries_.begin(), entries_.end(), before)) {
    std::sort(entries_.begin(), entries_.end(), before);
  }
}

std::optional<int32_t> Vocabulary::id_of(std::string_view token) const {
  const auto found = std::lower_bound(
      entries_.begin(), entries_.end(), token, [](const Entry& entry, std::string_view wanted) {
        return entry.token < wanted;
      });
  if (found == entries_.end() || found->token != token) return std::nullopt;
  return found->id;
}

}  // namespace glm_image::text
