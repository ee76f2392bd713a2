// The generator and the transformer give the same values with any number of threads, so the number
// may change between steps (pipeline/thread_share.h). The VAE does not.

#include "support/reference_run.h"

namespace glm_image::test {
namespace {

using pipeline::Checkpoint;

Recording record(const Checkpoint& checkpoint, const Request& request, int threads) {
  at::set_num_threads(threads);
  Recording recording;
  draw_recorded(checkpoint, request, recording);
  return recording;
}

class ThreadCount : public testing::TestWithParam<DataType> {
 protected:
  ThreadCount() : before_(at::get_num_threads()) {}
  ~ThreadCount() override { at::set_num_threads(before_); }

 private:
  int before_;
};

TEST_P(ThreadCount, DoesNotChangeTokensAndLatents) {
  PipelineOptions options;
  options.dtype = GetParam();
  const auto checkpoint = Checkpoint::open(tiny_model_dir(), options);
  Request request;
  request.prompt = "Une affiche jaune avec le titre « Saaba »";
  request.width = request.height = 128;
  request.steps = 3;
  request.guidance = 2;
  request.seed = 5;
  const auto alone = record(checkpoint, request, 1);
  ASSERT_GT(alone.size(), 5U);
  for (const int threads : {2, 3, 4, 7}) {
    const auto shared = record(checkpoint, request, threads);
    ASSERT_EQ(shared.size(), alone.size());
    for (const auto& [stage, values] : alone) {
      if (stage == "image") continue;  // output of the VAE
      const auto& found = shared.at(stage);
      ASSERT_EQ(found.size(), values.size()) << stage;
      for (size_t i = 0; i < values.size(); ++i) {
        EXPECT_TRUE(at::equal(found[i], values[i]))
            << stage << " " << i << " with " << threads << " threads";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types,
                         ThreadCount,
                         testing::Values(DataType::kFloat32, DataType::kBFloat16));

}  // namespace
}  // namespace glm_image::test
