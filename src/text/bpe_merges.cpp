#include "text/bpe_merges.h"

#include <algorithm>
#include <queue>
#include <tuple>

namespace glm_image::text {
namespace {

constexpr int32_t kNone = -1;

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

/// One token of a doubly linked list, stored in a vector.
struct Node {
  int32_t token;  // kNone once it has been merged into its left neighbour
  int32_t previous;
  int32_t next;
};

struct Candidate {
  int32_t rank;
  int32_t position;
  int32_t result;
  /// Reversed: std::priority_queue returns its largest element first.
  bool operator<(const Candidate& other) const {
    return std::tie(rank, position) > std::tie(other.rank, other.position);
  }
};

}  // namespace

BpeMerges::BpeMerges(const std::vector<Merge>& merges) {
  rules_.reserve(merges.size());
  for (const Merge& merge : merges) {
    rules_.push_back(
        {pair_key(merge.left, merge.right), static_cast<int32_t>(rules_.size()), merge.result});
  }
  std::sort(rules_.begin(), rules_.end(), [](const Rule& a, const Rule& b) {
    return a.pair != b.pair ? a.pair < b.pair : a.rank > b.rank;
  });
  const auto same_pair = [](const Rule& a, const Rule& b) { return a.pair == b.pair; };
  rules_.erase(std::unique(rules_.begin(), rules_.end(), same_pair), rules_.end());
}

const BpeMerges::Rule* BpeMerges::find(int32_t left, int32_t right) const {
  const uint64_t pair = pair_key(left, right);
  const auto found =
      std::lower_bound(rules_.begin(), rules_.end(), pair, [](const Rule& rule, uint64_t key) {
        return rule.pair < key;
      });
  return found == rules_.end() || found->pair != pair ? nullptr : &*found;
}

std::vector<int32_t> BpeMerges::apply(const std::vector<int32_t>& tokens) const {
  const auto count = static_cast<int32_t>(tokens.size());
  std::vector<Node> nodes;
  nodes.reserve(tokens.size());
  std::priority_queue<Candidate> candidates;
  const auto consider = [&](int32_t position) {
    const Node& left = nodes[position];
    if (const Rule* rule = find(left.token, nodes[left.next].token)) {
      candidates.push({rule->rank, position, rule->result});
    }
  };
  for (int32_t i = 0; i < count; ++i) {
    nodes.push_back({tokens[i], i - 1, i + 1 < count ? i + 1 : kNone});
    if (i > 0) consider(i - 1);
  }
  while (!candidates.empty()) {
    const Candidate candidate = candidates.top();
    candidates.pop();
    Node& left = nodes[candidate.position];
    if (left.token == kNone || left.next == kNone) continue;
    // Skip a candidate whose tokens have changed. Like the reference, compare the resulting token
    // only: a different pair that gives the same token still merges at the old rank.
    const int32_t gone = left.next;
    const Rule* rule = find(left.token, nodes[gone].token);
    if (rule == nullptr || rule->result != candidate.result) continue;
    left.token = candidate.result;
    left.next = nodes[gone].next;
    nodes[gone].token = kNone;
    if (left.next != kNone) {
      nodes[left.next].previous = candidate.position;
      consider(candidate.position);
    }
    if (left.previous != kNone) consider(left.previous);
  }
  std::vector<int32_t> result;
  for (const Node& node : nodes) {
    if (node.token != kNone) result.push_back(node.token);
  }
  return result;
}

}  // namespace glm_image::text
