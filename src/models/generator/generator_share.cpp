#include "models/generator/generator_share.h"

#include "core/error.h"

namespace glm_image::models {
namespace {

/// The MLP is cut at multiples of this many inner values where each rank gets several of them, so
/// that a cut does not divide the groups of quantised weights.
constexpr int64_t kLargestUnit = 128, kUnitsPerRank = 4;

int64_t inner_unit(int64_t inner, int64_t ranks) {
  int64_t unit = kLargestUnit;
  while (unit > 1 && (inner % unit != 0 || inner / unit < kUnitsPerRank * ranks)) unit /= 2;
  return unit;
}

io::IndexRange scaled(const io::IndexRange& range, int64_t factor) {
  return {range.first * factor, range.count * factor};
}

}  // namespace

io::IndexRange share_of(int64_t total, const GeneratorShard& shard) {
  const int64_t first = total * shard.rank / shard.ranks;
  return {first, total * (shard.rank + 1) / shard.ranks - first};
}

ShardRanges shard_ranges(const GeneratorConfig& config, const GeneratorShard& shard) {
  GLM_IMAGE_CHECK(shard.rank >= 0 && shard.rank < shard.ranks, shard.rank, " of ", shard.ranks);
  if (shard.ranks > config.num_attention_heads) {
    fail(ErrorCode::kInvalidInput,
         "the generator's ",
         config.num_attention_heads,
         " attention heads cannot be shared by ",
         shard.ranks,
         " ranks");
  }
  ShardRanges ranges;
  ranges.heads = share_of(config.num_attention_heads, shard);
  const int64_t queries = config.num_attention_heads / config.num_key_value_heads;
  const int64_t first = ranges.heads.first / queries;
  ranges.key_value_heads = {first, (ranges.heads.end() - 1) / queries + 1 - first};
  const int64_t unit = inner_unit(config.intermediate_size, shard.ranks);
  ranges.inner = scaled(share_of(config.intermediate_size / unit, shard), unit);
  ranges.vocabulary = share_of(config.vision_vocab_size, shard);
  return ranges;
}

io::WeightCuts shard_cuts(const GeneratorConfig& config, const GeneratorShard& shard) {
  if (shard.is_whole()) return {};
  const auto own = shard_ranges(config, shard);
  const int64_t hidden = config.hidden_size, inner = config.intermediate_size;
  const int64_t head = config.head_dim;
  const int64_t query_rows = config.num_attention_heads * head;
  const int64_t key_rows = config.num_key_value_heads * head;
  constexpr int64_t kRows = 0, kColumns = 1;
  io::WeightCuts cuts;
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    const auto add_rows = [&](const char* name, int64_t rows, int64_t heads_first, int64_t heads) {
      const std::vector<io::IndexRange> ranges = {{heads_first * head, heads * head}};
      const auto path = concat("model.language_model.layers.", layer, ".self_attn.", name);
      cuts[path + ".weight"] = {{rows, hidden}, kRows, ranges};
      if (config.attention_bias) cuts[path + ".bias"] = {{rows}, kRows, ranges};
    };
    add_rows("q_proj", query_rows, own.heads.first, own.heads.count);
    for (const auto* name : {"k_proj", "v_proj"}) {
      add_rows(name, key_rows, own.key_value_heads.first, own.key_value_heads.count);
    }
    const auto path = concat("model.language_model.layers.", layer, '.');
    cuts[path + "self_attn.o_proj.weight"] = {
        {hidden, query_rows}, kColumns, {scaled(own.heads, head)}};
    // The gate's rows, then the rows that it multiplies.
    cuts[path + "mlp.gate_up_proj.weight"] = {
        {2 * inner, hidden}, kRows, {own.inner, {inner + own.inner.first, own.inner.count}}};
    cuts[path + "mlp.down_proj.weight"] = {{hidden, inner}, kColumns, {own.inner}};
  }
  cuts["lm_head.weight"] = {{config.vision_vocab_size, hidden}, kRows, {own.vocabulary}};
  return cuts;
}

}  // namespace glm_image::models
