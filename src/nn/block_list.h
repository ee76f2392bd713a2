#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/torch.h"

namespace glm_image::nn {

/// Called with the index of each block before and after it runs, so that the owner of a model can
/// keep only a few blocks' weights in memory. If a block throws, its after_block is not called.
class BlockHook {
 public:
  virtual ~BlockHook() = default;
  virtual void before_block(int64_t block) = 0;
  virtual void after_block(int64_t block) = 0;
};

/// Blocks that run one after the other: a ModuleList whose blocks run within a hook, if it has one.
struct BlockListImpl : torch::nn::ModuleListImpl {
  /// Returns action(block), where `block` is the module of this index in its own type.
  template <typename Block, typename Action>
  auto run(int64_t index, const Action& action) const {
    if (hook) hook->before_block(index);
    auto result = action(*ptr<Block>(static_cast<size_t>(index)));
    if (hook) hook->after_block(index);
    return result;
  }

  std::shared_ptr<BlockHook> hook;
};
TORCH_MODULE(BlockList);

/// The block lists of a module with their names ("model.language_model.layers"), in order.
inline std::vector<std::pair<std::string, BlockListImpl*>> block_lists(
    const torch::nn::Module& module) {
  std::vector<std::pair<std::string, BlockListImpl*>> lists;
  for (const auto& item : module.named_modules()) {
    auto* list = dynamic_cast<BlockListImpl*>(item.value().get());
    if (list != nullptr) lists.emplace_back(item.key(), list);
  }
  return lists;
}

}  // namespace glm_image::nn
