#include "nano/training/merge_learning.h"

#include <set>

#include "text/unicode.h"

namespace glm_image::nano {
namespace {

struct Word {
  std::vector<std::string> tokens;
  int64_t count;
};

/// Counts of adjacent pairs and the words that contain them.
class PairCounts {
 public:
  void add(const std::vector<Word>& words, std::size_t word) { change(words, word, 1); }
  void remove(const std::vector<Word>& words, std::size_t word) { change(words, word, -1); }

  struct Entry {
    int64_t count = 0;
    std::set<std::size_t> words;
  };
  /// The first of the most frequent pairs, or null.
  const std::pair<const TokenPair, Entry>* most_frequent() const {
    const std::pair<const TokenPair, Entry>* best = nullptr;
    for (const auto& item : pairs_) {
      if (!best || item.second.count > best->second.count) best = &item;
    }
    return best;
  }

 private:
  void change(const std::vector<Word>& words, std::size_t index, int64_t sign) {
    const auto& [tokens, count] = words[index];
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const auto found = pairs_.try_emplace(TokenPair(tokens[i], tokens[i + 1])).first;
      auto& entry = found->second;
      entry.count += sign * count;
      if (entry.count == 0) {
        pairs_.erase(found);
      } else if (sign > 0) {
        entry.words.insert(index);
      }
    }
  }

  std::map<TokenPair, Entry> pairs_;
};

void merge(std::vector<std::string>& tokens, const TokenPair& pair) {
  std::vector<std::string> merged;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i + 1 < tokens.size() && tokens[i] == pair.first && tokens[i + 1] == pair.second) {
      merged.push_back(tokens[i] + tokens[i + 1]);
      ++i;
    } else {
      merged.push_back(tokens[i]);
    }
  }
  tokens = std::move(merged);
}

}  // namespace

std::vector<TokenPair> learn_merges(const std::map<std::string, int64_t>& words, int64_t tokens) {
  std::vector<Word> pieces;
  PairCounts pairs;
  for (const auto& [text, count] : words) {
    pieces.push_back({text::characters(text), count});
    pairs.add(pieces, pieces.size() - 1);
  }

  std::vector<TokenPair> learnt;
  std::set<std::string> made;
  while (static_cast<int64_t>(made.size()) < tokens) {
    const auto* best = pairs.most_frequent();
    if (!best || best->second.count < 2) break;
    const TokenPair pair = best->first;
    // May include words that no longer contain the pair; merging them has no effect.
    const auto holders = best->second.words;
    for (const auto word : holders) {
      pairs.remove(pieces, word);
      merge(pieces[word].tokens, pair);
      pairs.add(pieces, word);
    }
    learnt.push_back(pair);
    made.insert(pair.first + pair.second);
  }
  return learnt;
}

}  // namespace glm_image::nano
