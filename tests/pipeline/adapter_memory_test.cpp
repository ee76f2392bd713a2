// Adapters count in the memory plan of the stages that they change.

#include "pipeline/checkpoint.h"
#include "pipeline/memory_plan.h"
#include "pipeline/request_check.h"
#include "support/adapter_files.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
using pipeline::Checkpoint;

class AdapterMemory : public testing::Test {
 protected:
  /// An adapter of the rank for one layer of the transformer, in float32.
  fs::path write(const std::string& name, int64_t rank) const {
    const auto targets = Checkpoint::open(tiny_model_dir(), {}).adapter_targets();
    const auto* layer =
        targets.find("transformer.transformer_blocks.0.attn1.to_q.lora_A.weight").layer;
    if (layer == nullptr) throw std::logic_error("the toy model lacks to_q");
    in_ = layer->in;
    out_ = layer->out;
    return write_adapter(folder_.path(),
                         name,
                         {random_update(pipeline::kTransformer, layer->name, out_, in_, rank, 1)},
                         Spelling::kDiffusers);
  }

  static StageMemory stage_of(const Checkpoint& checkpoint,
                              const std::string& name,
                              std::optional<std::vector<AdapterUse>> adapters) {
    Request request;
    request.prompt = "a pot";
    request.width = request.height = 64;
    request.adapters = std::move(adapters);
    const auto plan =
        pipeline::plan_request(checkpoint, pipeline::resolve_request(request, checkpoint));
    for (const auto& stage : plan.memory.stages) {
      if (stage.stage == name) return stage;
    }
    ADD_FAILURE() << "no stage " << name;
    return {};
  }

  const TemporaryDirectory folder_;
  mutable int64_t in_ = 0, out_ = 0;
};

TEST_F(AdapterMemory, CountsWhereItIsUsed) {
  constexpr int64_t kRank = 512;
  PipelineOptions options;
  options.dtype = DataType::kFloat32;
  options.max_memory_bytes = int64_t{1} << 33;
  options.adapters = {{write("large", kRank), 1.0}};
  const auto checkpoint = Checkpoint::open(tiny_model_dir(), options);
  const auto with = stage_of(checkpoint, "paint", std::nullopt);
  const auto without = stage_of(checkpoint, "paint", std::vector<AdapterUse>{});
  EXPECT_GE(with.working - without.working, kRank * (in_ + out_) * 4);
  EXPECT_EQ(with.total - without.total, with.working - without.working);
  EXPECT_EQ(stage_of(checkpoint, "compose", std::nullopt).total,
            stage_of(checkpoint, "compose", std::vector<AdapterUse>{}).total);
  // One that is loaded with a scale of 0 is not attached.
  EXPECT_EQ(stage_of(checkpoint, "paint", std::vector<AdapterUse>{{"large", 0}}).total,
            without.total);
}

TEST_F(AdapterMemory, AnotherTypeIsThereTwice) {
  constexpr int64_t kRank = 8;
  PipelineOptions options;
  options.adapters = {{write("small", kRank), 1.0}};
  const auto checkpoint = Checkpoint::open(tiny_model_dir(), options);
  const std::vector<AdapterUse> uses = {{"small", 1}};
  const auto bytes = [&](at::ScalarType type) {
    return checkpoint.adapter_set().attached_bytes(uses, pipeline::kTransformer, type);
  };
  EXPECT_EQ(bytes(at::kFloat), kRank * (in_ + out_) * 4);
  EXPECT_EQ(bytes(at::kBFloat16), kRank * (in_ + out_) * (4 + 2));
  EXPECT_EQ(checkpoint.adapter_set().attached_bytes(uses, pipeline::kVisionLanguage, at::kFloat),
            0);
}

TEST_F(AdapterMemory, IsRefusedWhereItDoesNotFit) {
  PipelineOptions options;
  options.dtype = DataType::kFloat32;
  options.max_memory_bytes = int64_t{1} << 33;
  options.adapters = {{write("large", 512), 1.0}};
  const auto checkpoint = Checkpoint::open(tiny_model_dir(), options);
  const auto with = stage_of(checkpoint, "paint", std::nullopt);
  const auto without = stage_of(checkpoint, "paint", std::vector<AdapterUse>{});
  MemoryPlan plan;
  plan.is_given = true;
  plan.allowed = without.total;
  plan.stages = {without};
  Request request;
  request.width = request.height = 64;
  EXPECT_NO_THROW(pipeline::require_memory(plan, request));
  plan.stages = {with};
  expect_error(ErrorCode::kInvalidInput, {"stage paint", "max-memory"}, [&] {
    pipeline::require_memory(plan, request);
  });
}

}  // namespace
}  // namespace glm_image::test
