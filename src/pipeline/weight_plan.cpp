#include "pipeline/weight_plan.h"

#include <algorithm>
#include <optional>

#include "core/prefix.h"
#include "nn/block_list.h"

namespace glm_image::pipeline {
namespace {

/// Returns the block that a parameter belongs to, or nothing if it is not in the list.
std::optional<size_t> block_of(const std::string& parameter, const std::string& list) {
  const size_t begin = list.size() + 1;
  if (!starts_with(parameter, list) || parameter.size() <= begin || parameter[list.size()] != '.') {
    return std::nullopt;
  }
  return std::stoul(parameter.substr(begin));
}

/// Room for the running block and for the next one, which is read ahead in the form of the files.
int64_t passing_bytes(const BlockListBytes& list) {
  int64_t memory = 0, stored = 0;
  for (const auto& block : list.blocks) {
    memory = std::max(memory, block.memory);
    stored = std::max(stored, block.stored);
  }
  return list.blocks.size() > 1 ? memory + stored : memory;
}

}  // namespace

int64_t ComponentBytes::memory() const {
  int64_t bytes = fixed + table;
  for (const auto& list : lists) {
    for (const auto& block : list.blocks) bytes += block.memory;
  }
  return bytes;
}

void ComponentBytes::add(const ComponentBytes& other) {
  fixed += other.fixed + other.table;
  lists.insert(lists.end(), other.lists.begin(), other.lists.end());
}

ComponentBytes ComponentBytes::with_rows(int64_t rows) const {
  // The kernel maps up to 16 pages around the one that is touched.
  constexpr int64_t kFaultAround = 64 << 10;
  auto result = *this;
  result.table = std::min(table, rows * (table_row + kFaultAround));
  return result;
}

ComponentBytes measure_weights(const torch::nn::Module& module,
                               const io::WeightSet& weights,
                               const BoundAs& bound) {
  ComponentBytes bytes;
  for (const auto& [name, list] : nn::block_lists(module)) {
    bytes.lists.push_back({name, std::vector<BlockBytes>(list->size())});
  }
  for (const auto& item : module.named_parameters()) {
    const auto& name = item.key();
    if (bound.wanted && !bound.wanted(name)) continue;
    const auto& parameter = item.value();
    const auto element = static_cast<int64_t>(c10::elementSize(bound.dtype));
    const auto* cut = io::find_cut(bound.cuts, name);
    BlockBytes own{parameter.numel() * element, 0};
    bool is_mapped = false;
    if (bound.packed != nullptr && bound.packed->holds(name)) {
      for (const auto& part : bound.packed->parts_of(name)) {
        own.stored += static_cast<int64_t>(part.entry->end - part.entry->begin);
      }
      const int64_t packed = cut == nullptr ? bound.packed->packed_bytes(name, parameter.sizes())
                                            : bound.packed->packed_part_bytes(name, *cut);
      if (packed > 0) own.memory = packed;
      // Scales and zero points, a sixteenth of all weights, were checked and are in memory.
      for (const auto& part : bound.packed->parts_of(name)) {
        part.file->file().release(part.entry->begin, part.entry->end);
      }
    } else if (const auto* location = weights.find(name)) {
      own.stored = static_cast<int64_t>(location->entry->end - location->entry->begin);
      is_mapped = bound.on_cpu && io::scalar_type(location->entry->type) == bound.dtype;
    } else {
      continue;  // not used by inference
    }
    if (cut != nullptr) own.stored = cut->share_of(own.stored);
    if (name == bound.table && is_mapped) {
      bytes.table = own.memory;
      bytes.table_row = own.memory / parameter.size(0);
      continue;
    }
    bool is_fixed = true;
    for (auto& list : bytes.lists) {
      const auto block = block_of(name, list.name);
      if (!block) continue;
      list.blocks.at(*block).memory += own.memory;
      list.blocks.at(*block).stored += own.stored;
      is_fixed = false;
    }
    if (is_fixed) bytes.fixed += own.memory;
  }
  const auto is_empty = [](const BlockListBytes& list) {
    return std::all_of(list.blocks.begin(), list.blocks.end(), [](const BlockBytes& block) {
      return block.stored == 0;
    });
  };
  bytes.lists.erase(std::remove_if(bytes.lists.begin(), bytes.lists.end(), is_empty),
                    bytes.lists.end());
  return bytes;
}

WeightPlan plan_weights(const ComponentBytes& bytes, int64_t allowed) {
  WeightPlan plan;
  const bool all_fit = bytes.memory() <= allowed;
  plan.resident = bytes.fixed + bytes.table;
  int64_t passing = 0;
  for (const auto& list : bytes.lists) passing = std::max(passing, passing_bytes(list));
  int64_t room = allowed - plan.resident - passing;
  for (const auto& list : bytes.lists) {
    auto& kept = plan.kept.emplace_back(0);
    for (const auto& block : list.blocks) {
      const bool follows = kept == &block - list.blocks.data();
      if (all_fit || (follows && block.memory <= room)) {
        plan.resident += block.memory;
        room -= block.memory;
        ++kept;
      } else {
        plan.streamed += block.stored;
      }
    }
  }
  if (plan.streams()) plan.resident += passing;
  return plan;
}

}  // namespace glm_image::pipeline
