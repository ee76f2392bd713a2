// The limits of a generator that ranks share, without a network: the time in which one core reads a
// rank's share of the weights where they lie, and in which it decodes a token with them if no other
// rank has to be waited for. bench_cluster runs it for the whole generator, and for the shares of
// both ranks at the same time: these have one memory. The share is loaded as in a cluster,
// in bfloat16.

#include <chrono>
#include <cstdio>
#include <thread>

#include "core/random.h"
#include "core/seconds_since.h"
#include "pipeline/checkpoint.h"
#include "pipeline/decoding.h"
#include "support/command_line.h"
#include "support/limits.h"
#include "support/machine.h"

namespace {

using namespace glm_image;
using WallClock = std::chrono::system_clock;

/// A prompt of few tokens: bench_cluster compares the time of the tokens after it.
constexpr int64_t kPromptTokens = 16;

/// A rank that takes its own partial sums for those of all ranks.
class RankAlone : public models::GeneratorShare {
 public:
  explicit RankAlone(const models::GeneratorShard& shard) : shard_(shard) {}

  models::GeneratorShard shard() const override { return shard_; }
  Tensor sum(const Tensor& partial) override { return partial; }
  Tensor gather(const Tensor& own, int64_t total) override {
    auto all = at::zeros({own.size(0), total}, own.options());
    all.narrow(1, total * shard_.rank / shard_.ranks, own.size(1)).copy_(own);
    return all;
  }
  void broadcast(Tensor& /*ids*/) override {}

 private:
  const models::GeneratorShard shard_;
};

/// The median seconds of a pass, measured until `end`.
double read_seconds(const torch::nn::Module& model, WallClock::time_point end) {
  std::vector<double> times;
  do {
    times.push_back(bench::measure_weight_read(model).seconds);
  } while (WallClock::now() < end);
  return bench::median(times);
}

/// The median seconds of a token of pictures that are decoded until `end`.
double decode_seconds(const pipeline::Checkpoint& checkpoint,
                      const models::GlmImageForConditionalGeneration& model,
                      models::GeneratorShare* share,
                      WallClock::time_point end) {
  const std::vector<int64_t> prompt(kPromptTokens, 77);
  // 32 tokens between two looks at the clock.
  const std::vector<text::Grid> grids = {{4, 4}, {4, 4}};
  const auto prompt_positions = text::prefill_positions(prompt, /*image_token_id=*/-1, {});
  const auto positions = text::decode_positions(prompt_positions.next, grids);
  const auto tokens = static_cast<int64_t>(positions.temporal.size());
  pipeline::Decoding decoding(model,
                              /*sequences=*/1,
                              kPromptTokens + tokens,
                              at::TensorOptions(checkpoint.placement().dtype),
                              share);
  std::vector<double> times;
  do {
    decoding.truncate(0);
    const auto logits = decoding.read(prompt, prompt_positions);
    auto began = std::chrono::steady_clock::now();
    const auto after_token = [&](int64_t, const std::vector<int64_t>&, const Tensor& next) {
      if (next.defined()) times.push_back(seconds_since(began));
      began = std::chrono::steady_clock::now();
    };
    decoding.draw(logits,
                  positions,
                  checkpoint.vision_language.vq.num_embeddings,
                  checkpoint.sampling,
                  {make_random(1)},
                  after_token);
  } while (WallClock::now() < end);
  return bench::median(times);
}

void measure(const std::vector<std::string>& arguments) {
  const torch::NoGradGuard no_grad;
  at::set_num_threads(1);
  const models::GeneratorShard shard{std::stoll(arguments[1]), std::stoll(arguments[2])};
  const auto begin = WallClock::from_time_t(std::stoll(arguments[3]));
  const auto each = std::chrono::seconds(std::stoll(arguments[4]));
  PipelineOptions options;
  options.dtype = DataType::kBFloat16;
  const auto checkpoint = pipeline::Checkpoint::open(arguments[0], options);
  const auto model = checkpoint.load_generator(/*with_vision=*/false, {}, {}, {}, shard);
  RankAlone share(shard);
  std::this_thread::sleep_until(begin);
  const double reading = read_seconds(*model, begin + each);
  const double decoding =
      decode_seconds(checkpoint, model, shard.is_whole() ? nullptr : &share, begin + 2 * each);
  std::printf("%.5f %.5f\n", reading, decoding);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_with_arguments(
      argc,
      argv,
      "MODEL RANK RANKS BEGIN SECONDS: reads from BEGIN (seconds since "
      "1970) on for SECONDS, then decodes; prints the seconds of both",
      5,
      5,
      measure);
}
