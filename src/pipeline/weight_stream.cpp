#include "pipeline/weight_stream.h"

#include <future>
#include <set>
#include <system_error>

#include "core/error.h"
#include "core/prefix.h"
#include "io/parameter_binder.h"
#include "nn/block_list.h"

namespace glm_image::pipeline {
namespace {

using Names = std::vector<std::string>;

/// State that all block lists of a module share.
struct Source {
  Source(const torch::nn::Module& module,
         std::shared_ptr<const StoredWeights> stored,
         const io::BindingOptions& options)
      : weights(std::move(stored)), binder(module, weights->set, options) {}

  std::shared_ptr<const StoredWeights> weights;
  io::ParameterBinder binder;
};

/// Binds the blocks of a list from number `kept` on, one at a time.
class BlockStream : public nn::BlockHook {
 public:
  BlockStream(std::shared_ptr<Source> source,
              std::vector<Names> blocks,
              int64_t kept,
              bool drop_cached)
      : source_(std::move(source)),
        blocks_(std::move(blocks)),
        kept_(kept),
        drop_cached_(drop_cached) {}

  void before_block(int64_t block) override {
    // A block that threw was not released.
    if (bound_ != kNone && bound_ != block) release();
    const int64_t next = block + 1 < count() ? block + 1 : kept_;
    if (block >= kept_ && bound_ != block) {
      if (announced_ != block) read_ahead(block);
      // The disk reads the next block while this one is bound and computes.
      if (next != block) read_ahead(next);
      bound_ = block;
      for (const auto& name : blocks_.at(block)) source_->binder.bind_passing(name);
    } else if (next >= kept_ && announced_ != next) {
      read_ahead(next);
    }
  }

  void after_block(int64_t block) override {
    if (block == bound_) release();
  }

 private:
  static constexpr int64_t kNone = -1;

  int64_t count() const { return static_cast<int64_t>(blocks_.size()); }

  void release() {
    for (const auto& name : blocks_.at(bound_)) source_->binder.release(name, drop_cached_);
    bound_ = kNone;
  }

  /// In a thread of its own, since the kernel makes the caller wait when a disk's queue is full.
  void read_ahead(int64_t block) {
    const auto read = [source = source_, &names = blocks_.at(block)] {
      for (const auto& name : names) source->binder.read_ahead(name);
    };
    announced_ = block;
    try {
      reader_ = std::async(std::launch::async, read);
    } catch (const std::system_error&) {
      read();  // no more threads
    }
  }

  std::shared_ptr<Source> source_;
  std::vector<Names> blocks_;
  int64_t kept_;
  bool drop_cached_;
  int64_t bound_ = kNone;
  int64_t announced_ = kNone;  ///< the block that was read ahead last
  std::future<void> reader_;   ///< last, so that it ends before what it reads
};

}  // namespace

std::shared_ptr<const StoredWeights> StoredWeights::open(const std::filesystem::path& component) {
  auto weights = std::make_shared<StoredWeights>();
  weights->set = io::WeightSet::open(component);
  weights->packed = quant::QuantisedWeights::open(component, weights->set);
  return weights;
}

void stream_weights(torch::nn::Module& module,
                    std::shared_ptr<const StoredWeights> weights,
                    io::BindingOptions options,
                    const std::vector<BlockListBytes>& lists,
                    const WeightPlan& plan,
                    bool drop_cached) {
  options.packed = weights->packed.get();
  const auto source = std::make_shared<Source>(module, std::move(weights), options);
  auto& binder = source->binder;

  std::set<std::string> streamed;
  for (const auto& [name, list] : nn::block_lists(module)) {
    for (size_t i = 0; i < lists.size(); ++i) {
      if (lists[i].name != name) continue;
      GLM_IMAGE_CHECK(lists[i].blocks.size() == list->size(), name);
      const int64_t kept = plan.kept.at(i);
      std::vector<Names> blocks(list->size());
      for (int64_t block = kept; block < static_cast<int64_t>(list->size()); ++block) {
        const auto prefix = concat(name, '.', block, '.');
        for (const auto& parameter : binder.names()) {
          if (!starts_with(parameter, prefix)) continue;
          blocks[block].push_back(parameter);
          streamed.insert(parameter);
        }
      }
      if (kept == static_cast<int64_t>(list->size())) continue;
      list->hook = std::make_shared<BlockStream>(source, std::move(blocks), kept, drop_cached);
    }
  }

  uint64_t total = 0, done = 0;
  for (const auto& name : binder.names()) {
    if (streamed.count(name) == 0) total += binder.stored_bytes(name);
  }
  for (const auto& name : binder.names()) {
    if (streamed.count(name) != 0) continue;
    binder.read_ahead(name);
    binder.bind(name);
    done += binder.stored_bytes(name);
    if (options.progress) options.progress(done, total);
  }
}

}  // namespace glm_image::pipeline
