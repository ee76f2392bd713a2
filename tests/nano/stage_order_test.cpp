// Which examples a step has, and which of them get noise or hidden codes.

#include <cmath>
#include <set>

#include "nano/stage_at_start.h"

namespace glm_image::test {
namespace {

using nlohmann::json;

/// The data set has the size of the batch: without shuffling every poster would keep its slot.
json three_posters(const std::string& stage, const json& of_stage) {
  auto keys = stage_config(stage, of_stage);
  keys["batch"] = keys["posters"] = 3;
  return keys;
}

TEST(Shuffling, EveryEpochHasEveryPosterInAnotherOrder) {
  const StageAtStart start(three_posters("vae", json::object()));
  std::set<std::vector<double>> orders;
  std::set<std::set<double>> sets;
  for (int64_t step = 0; step < 40; ++step) {
    const auto pictures = start.batch(step).at("pictures").to(at::kDouble);
    std::vector<double> order;
    for (int64_t i = 0; i < 3; ++i) order.push_back(pictures[i].sum().item<double>());
    orders.insert(order);
    sets.insert({order.begin(), order.end()});
  }
  EXPECT_EQ(sets.size(), 1U);
  EXPECT_EQ(sets.begin()->size(), 3U);
  EXPECT_EQ(orders.size(), 6U);
}

TEST(Shuffling, AResumedRunKeepsTheOrder) {
  auto keys = three_posters("vae", json::object());
  keys["batch"] = 2;
  keys["steps"] = 5;
  TemporaryDirectory whole_folder, parts_folder;
  const auto whole = train_in(whole_folder.path(), keys);
  train::LoopCallbacks stop;
  stop.should_stop = [left = 2]() mutable { return --left == 0; };
  train_in(parts_folder.path(), keys, stop);
  const auto rest = train_in(parts_folder.path(), keys);
  ASSERT_EQ(rest.size(), 5U);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(rest[i].at("loss"), whole[i].at("loss")) << i;
}

TEST(Shuffling, AnotherDataSetSizeIsAnotherRun) {
  auto keys = three_posters("vae", json::object());
  TemporaryDirectory folder;
  train_in(folder.path(), keys);
  keys["posters"] = 4;
  expect_error(ErrorCode::kInvalidInput, {"other settings", "posters 4"}, [&] {
    train_in(folder.path(), keys);
  });
}

// Weighting one slot alone measures its velocity error. With three examples, the metrics of the
// third with the least and the most noise then show which slot has which noise.
TEST(Timesteps, EverySlotGetsLowAndHighNoise) {
  const StageAtStart start(three_posters("transformer", {{"timesteps_per_sample", 1}}));
  std::map<std::string, std::set<int64_t>> slots;
  auto batch = start.batch(0);
  for (int64_t step = 0; step < 20; ++step) {
    std::vector<double> errors;
    for (int64_t slot = 0; slot < 3; ++slot) {
      batch["weights"] = at::zeros_like(batch["weights"]);
      batch["weights"][slot].fill_(1);
      errors.push_back(start.measure(batch, step).at("loss_velocity"));
    }
    const auto all = start.measure(batch, step);
    for (const char* name : {"loss_little_noise", "loss_much_noise"}) {
      int64_t found = 0;
      for (int64_t slot = 0; slot < 3; ++slot) {
        if (std::fabs(errors[slot] - all.at(name)) > 1e-5) continue;
        slots[name].insert(slot);
        ++found;
      }
      EXPECT_EQ(found, 1) << name << " of step " << step;
    }
  }
  const std::set<int64_t> every = {0, 1, 2};
  EXPECT_EQ(slots["loss_little_noise"], every);
  EXPECT_EQ(slots["loss_much_noise"], every);
}

json hiding_generator() {
  auto keys = stage_config("generator", {{"teacher_codes", true}, {"input_dropout", 0.5}});
  keys["batch"] = 4;
  return keys;
}

TEST(HidingSequences, EverySlotIsHiddenInSomeStepsOnly) {
  const StageAtStart start(hiding_generator());
  auto hidden_in = at::zeros({4}, at::kLong);
  constexpr int64_t kSteps = 24;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto hides = start.batch(step).at("hidden_codes").any(1);
    EXPECT_EQ(hides.sum().item<int64_t>(), 2);
    hidden_in += hides.to(at::kLong);
  }
  EXPECT_GT(hidden_in.min().item<int64_t>(), 0) << hidden_in;
  EXPECT_LT(hidden_in.max().item<int64_t>(), kSteps) << hidden_in;
}

TEST(HidingSequences, MetricsDoNotDependOnTheSlots) {
  const StageAtStart start(hiding_generator());
  const auto batch = start.batch(0);
  const auto order = torch::tensor({2, 0, 3, 1});
  auto permuted = batch;
  for (auto& [name, tensor] : permuted) {
    if (name == "grids") continue;
    tensor = tensor.index_select(name == "positions" ? 1 : 0, order);
  }
  auto keys = hiding_generator();
  keys["dtype"] = "float32";
  const StageAtStart wide(keys);
  const auto expected = wide.measure(batch, 0), found = wide.measure(permuted, 0);
  for (const auto& [name, value] : expected) {
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(found.at(name))) << name;
    } else {
      EXPECT_NEAR(found.at(name), value, 1e-4 * std::fabs(value) + 1e-6) << name;
    }
  }
}

}  // namespace
}  // namespace glm_image::test
