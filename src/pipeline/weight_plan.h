#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/torch.h"
#include "io/packed_weights.h"
#include "io/weight_set.h"

/// Which weights of a component are in memory at the same time, while a stage runs.
namespace glm_image::pipeline {

/// Bytes of the weights of one block of a list (nn/block_list).
struct BlockBytes {
  int64_t memory = 0;  ///< while the block is bound
  int64_t stored = 0;  ///< in the files
};

struct BlockListBytes {
  std::string name;  ///< "model.language_model.layers"
  std::vector<BlockBytes> blocks;
};

/// Bytes of the weights of a component.
struct ComponentBytes {
  int64_t fixed = 0;  ///< outside of the lists
  /// A mapped table, of which only the rows that are looked up are read into memory; 0 for none.
  int64_t table = 0, table_row = 0;
  std::vector<BlockListBytes> lists;

  int64_t memory() const;
  /// Appends the block lists of other weights of the component.
  void add(const ComponentBytes& other);
  /// Returns the bytes if only this number of rows of the table is looked up.
  ComponentBytes with_rows(int64_t rows) const;
};

/// How weights are bound, and which parameters are included.
struct BoundAs {
  at::ScalarType dtype = at::kFloat;
  bool on_cpu = true;
  const io::PackedWeights* packed = nullptr;
  std::function<bool(const std::string& name)> wanted;  ///< empty for all
  std::string table;                                    ///< a parameter that is only looked up
  io::WeightCuts cuts;                                  ///< of parameters that hold a part
};

/// Adds up the weights that bind_weights would bind to the module.
ComponentBytes measure_weights(const torch::nn::Module& module,
                               const io::WeightSet& weights,
                               const BoundAs& bound);

/// Number of blocks of each list that stay bound. The others stream: each is bound before it runs
/// and released after it, while the next one is read ahead.
struct WeightPlan {
  std::vector<int64_t> kept;  ///< of each list, from its first block
  int64_t resident = 0;       ///< bytes that stay, and room for the running block and the next one
  int64_t streamed = 0;       ///< bytes that are read for each run through all lists

  bool streams() const { return streamed > 0; }
};

/// Keeps everything if it fits into `allowed` bytes, else as many blocks as fit, those of the first
/// list first. If not even two blocks fit, `resident` is more than `allowed`.
WeightPlan plan_weights(const ComponentBytes& bytes, int64_t allowed);

/// How a stage loads its component. By default all weights are bound, and other components stay in
/// memory.
struct LoadPlan {
  ComponentBytes bytes;
  WeightPlan weights;
  /// Bytes that components of other stages may keep in memory at the same time.
  int64_t room_for_others = std::numeric_limits<int64_t>::max();
  /// "q8" or "q4": linear layers that the files store as floats are quantised when they are read,
  /// as quant::FormRules says. Empty: as stored. Not for weights that stream.
  std::string quantise_to;
};

}  // namespace glm_image::pipeline
