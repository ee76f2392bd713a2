// A coordinator and its workers in one process, over the loopback interface: what they draw is what
// one machine draws.

#include <cmath>
#include <set>

#include "cluster/drawing_cluster.h"

namespace glm_image::test {
namespace {

/// Finds all texts of the picture with this number right, and none of the others.
class OneRightPicture : public TextVerifier {
 public:
  explicit OneRightPicture(int right) : left_(right) {}
  void require(const std::vector<std::string>& /*texts*/) const override {}
  std::vector<TextCheck> verify(const Image& /*image*/,
                                const std::vector<std::string>& texts) override {
    const auto state = left_-- == 0 ? TextState::kFound : TextState::kMissing;
    std::vector<TextCheck> checks(texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      checks[i].text = texts[i];
      checks[i].state = state;
    }
    return checks;
  }

 private:
  int left_;
};

TEST_F(ClusterOf, TwoRanksDrawTheBytesOfOneMachine) {
  start(2);
  for (const int64_t count : {2, 3}) {
    const auto request = small_request(count);
    expect_same(drawn_together(request), drawn_alone(request));
  }
}

TEST_F(ClusterOf, AGuidancePairDrawsTheBytesOfOneMachine) {
  start(2);
  auto request = small_request(1);
  expect_same(drawn_together(request), drawn_alone(request));
  // Steps without guidance, which both ranks compute, and a cache for each of the two evaluations.
  request.guided = GuidanceInterval{0.3, 0.7};
  request.guidance_every = 1;
  request.step_cache = 0.5;
  request.steps = 4;
  expect_same(drawn_together(request), drawn_alone(request));
}

/// Rates of a machine whose evaluations are slow, so that ranks share the tokens of a picture.
pipeline::DurationEstimate slow_evaluations() {
  return pipeline::DurationEstimate::from_json(
      {{"token", 1e-9}, {"denoised_pixel", 1.0}, {"decoded_pixel", 1e-9}, {"rest", 1e-9}});
}

/// The picture within a level of one machine's: the order of sums may differ.
TEST_F(ClusterOf, ThreeRanksShareTheTokensOfAPicture) {
  rates_.own = slow_evaluations();
  start(3);
  auto request = small_request(1);
  request.guidance = 1;
  Image image;
  image.width = 64;
  image.height = 96;
  for (int i = 0; i < 64 * 96 * 3; ++i) image.pixels.push_back(static_cast<uint8_t>(i * 7));
  for (const bool is_edit : {false, true}) {
    if (is_edit) request.condition_images = {image};
    const auto together = drawn_together(request).pictures.at(0);
    const auto alone = drawn_alone(request).pictures.at(0);
    EXPECT_EQ(together.composition.picture.tokens, alone.composition.picture.tokens);
    EXPECT_EQ(together.cluster_wire, "");
    ASSERT_EQ(together.image.pixels.size(), alone.image.pixels.size());
    for (size_t i = 0; i < alone.image.pixels.size(); ++i) {
      ASSERT_NEAR(together.image.pixels[i], alone.image.pixels[i], 1) << i;
    }
  }
}

/// ‖a − b‖/‖b‖ of all pixels' levels.
double relative_difference(const Image& a, const Image& b) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < b.pixels.size(); ++i) {
    difference += std::pow(a.pixels.at(i) - b.pixels[i], 2);
    size += std::pow(b.pixels[i], 2);
  }
  return std::sqrt(difference / size);
}

/// Keys and values in 8 bits differ by up to 1/254 of a head's largest value; the bound leaves room
/// for what three steps make of it. The picture says that it was drawn so.
TEST_F(ClusterOf, TwoRanksExchangeKeysAndValuesIn8Bits) {
  rates_.own = slow_evaluations();
  rates_.wire = cluster::Wire::kInt8;
  start(2);
  auto request = small_request(1);
  request.guidance = 1;
  const auto together = drawn_together(request).pictures.at(0);
  const auto alone = drawn_alone(request).pictures.at(0);
  EXPECT_EQ(together.composition.picture.tokens, alone.composition.picture.tokens);
  EXPECT_EQ(together.cluster_wire, "int8");
  EXPECT_EQ(alone.cluster_wire, "");
  ASSERT_EQ(together.image.pixels.size(), alone.image.pixels.size());
  EXPECT_LE(relative_difference(together.image, alone.image), 1e-2);
  // Nothing is rounded where no tokens are shared.
  for (const auto& picture : drawn_together(small_request(2)).pictures) {
    EXPECT_EQ(picture.cluster_wire, "");
  }
}

TEST_F(ClusterOf, ThreeRanksShareTwoPictures) {
  start(3);
  const auto request = small_request(2);
  expect_same(drawn_together(request), drawn_alone(request));
}

/// The tokens of one machine, and pictures within a level of it: the order of sums differs.
TEST_F(ClusterOf, RanksHoldSharesOfTheGenerator) {
  rates_.share_weights = true;
  rates_.own = slow_evaluations();  // their tokens are shared too
  start(3);
  Image image;
  image.width = 64;
  image.height = 96;
  for (int i = 0; i < 64 * 96 * 3; ++i) image.pixels.push_back(static_cast<uint8_t>(i * 7));
  for (const bool is_edit : {false, true}) {
    auto request = small_request(2);
    if (is_edit) request.condition_images = {image};
    const auto together = drawn_together(request);
    const auto alone = drawn_alone(request);
    ASSERT_EQ(together.pictures.size(), 2U);
    EXPECT_EQ(together.generated_tokens, alone.generated_tokens);
    for (size_t i = 0; i < 2; ++i) {
      const auto &a = together.pictures[i], &b = alone.pictures[i];
      EXPECT_EQ(a.composition.picture.tokens, b.composition.picture.tokens);
      EXPECT_EQ(a.composition.preview.tokens, b.composition.preview.tokens);
      ASSERT_EQ(a.composition.conditions.size(), b.composition.conditions.size());
      ASSERT_EQ(a.image.pixels.size(), b.image.pixels.size());
      for (size_t p = 0; p < b.image.pixels.size(); ++p) {
        ASSERT_NEAR(a.image.pixels[p], b.image.pixels[p], 1) << p;
      }
    }
  }
}

TEST_F(ClusterOf, TwoRanksShareTheGeneratorAndTheGuidancePair) {
  rates_.share_weights = true;  // without rates, which takes pairs
  start(2);
  auto request = small_request(1);
  expect_same(drawn_together(request), drawn_alone(request));
  request.draft = true;
  const auto draft = drawn_together(request);
  expect_same(draft, drawn_alone(request));
  // The leader denoises alone; with a finished composition, the generator does not run.
  auto completion = small_request(1);
  completion.composition = draft.pictures.at(0).composition;
  const auto finished = drawn_together(completion);
  expect_same(finished, drawn_alone(completion));
  completion.composition = finished.pictures.at(0).composition;
  expect_same(drawn_together(completion), drawn_alone(completion));
}

TEST_F(ClusterOf, ALostRankEndsAGeneratorThatIsShared) {
  rates_.share_weights = true;
  start(2);
  const auto request = small_request(1);
  bool told = false;
  const auto result =
      coordinator_->draw_twice(pipeline_, pipeline_.check(request), [&](const Progress& progress) {
        if (progress.stage == Stage::kImageTokens && !std::exchange(told, true)) {
          workers_[0]->leave();
        }
        return true;
      });
  EXPECT_TRUE(told);
  expect_same(result, drawn_alone(request));
}

TEST_F(ClusterOf, ADraftAndItsCompletion) {
  start(2);
  auto request = small_request(2);
  request.draft = true;
  const auto drafts = drawn_together(request);
  expect_same(drafts, drawn_alone(request));
  auto completion = small_request(1);
  completion.composition = drafts.pictures.at(1).composition;
  expect_same(drawn_together(completion), drawn_alone(completion));
}

TEST_F(ClusterOf, AnEdit) {
  start(2);
  auto request = small_request(1);
  Image image;
  image.width = 64;
  image.height = 96;
  for (int i = 0; i < 64 * 96 * 3; ++i) image.pixels.push_back(static_cast<uint8_t>(i * 7));
  request.condition_images = {image};
  for (const int64_t count : {1, 2}) {
    request.count = count;
    expect_same(drawn_together(request), drawn_alone(request));
  }
}

/// Only the coordinator can read texts. A candidate that reads right ends all ranks' work.
TEST_F(ClusterOf, CandidatesAreVerifiedByTheFirstRank) {
  const auto verified = [](int right) {
    PipelineOptions options;
    options.verifier = std::make_shared<OneRightPicture>(right);
    return Pipeline::load(tiny_model_dir(), options);
  };
  auto request = small_request(1);
  request.best_of = 3;
  pipeline_ = verified(1);
  start(2);
  const auto together = drawn_together(request);
  pipeline_ = verified(1);
  const auto alone = drawn_alone(request);
  expect_same(together, alone);
  EXPECT_EQ(together.candidates, 2);
  EXPECT_EQ(alone.candidates, 2);
  EXPECT_TRUE(all_texts_right(together.pictures.at(0).verification));
}

TEST_F(ClusterOf, PreviewsAndProgressComeFromAllRanks) {
  start(2);
  auto request = small_request(2);
  request.previews = 1;
  std::set<int64_t> shown;
  bool progressed = false;
  coordinator_->draw(
      pipeline_,
      pipeline_.check(request),
      [&](const Progress& /*progress*/) { return progressed = true; },
      [&](const Preview& preview) {
        EXPECT_GT(preview.image.width, 0);
        shown.insert(preview.picture);
      });
  EXPECT_TRUE(progressed);
  EXPECT_EQ(shown, (std::set<int64_t>{0, 1}));
}

TEST_F(ClusterOf, ACancelledRequestLeavesTheClusterWhole) {
  start(2);
  for (const int64_t count : {1, 2}) {
    auto request = small_request(count);
    request.steps = 200;
    expect_error(ErrorCode::kCancelled, {}, [&] {
      coordinator_->draw(pipeline_, pipeline_.check(request), [](const Progress& progress) {
        return progress.stage != Stage::kDenoising || progress.step < 3;
      });
    });
    const auto next = small_request(count);
    expect_same(drawn_together(next), drawn_alone(next));
    EXPECT_EQ(coordinator_->ranks(), 2);
  }
}

TEST_F(ClusterOf, ALostRankIsNamedAndTheOthersGoOn) {
  start(3);
  const auto request = small_request(3);
  // The rank which leaves has not drawn its picture yet.
  workers_[0]->halt();
  bool told = false;
  expect_error(ErrorCode::kInternal, {"of 3 (127.0.0.1) was lost: its connection closed"}, [&] {
    coordinator_->draw(pipeline_, pipeline_.check(request), [&](const Progress& progress) {
      if (progress.stage == Stage::kDenoising && !std::exchange(told, true)) workers_[0]->leave();
      return true;
    });
  });
  EXPECT_EQ(coordinator_->ranks(), 2);
  const auto next = small_request(3);
  expect_same(drawn_together(next), drawn_alone(next));
}

TEST_F(ClusterOf, ARequestIsRepeatedOnceOnTheRanksThatAreLeft) {
  start(2);
  for (const int64_t count : {1, 2}) {
    auto request = small_request(count);
    request.steps = 30;
    bool told = count == 2;  // the second request has lost nobody
    const auto result = coordinator_->draw_twice(
        pipeline_, pipeline_.check(request), [&](const Progress& progress) {
          if (progress.stage == Stage::kDenoising && !std::exchange(told, true)) {
            workers_[0]->leave();
          }
          return true;
        });
    expect_same(result, drawn_alone(request));
  }
}

TEST_F(ClusterOf, AWorkersFailureIsTheRequests) {
  start(2);
  auto request = pipeline_.check(small_request(2));
  request.adapters = std::vector<AdapterUse>{{"unknown", 1}};
  EXPECT_THROW(coordinator_->draw(pipeline_, request), Error);
  expect_same(drawn_together(small_request(2)), drawn_alone(small_request(2)));
}

TEST_F(ClusterOf, WorkersEndWithTheCoordinator) {
  start(2);
  coordinator_.reset();
  EXPECT_EQ(workers_[0]->error(), "");
}

TEST_F(ClusterOf, WorkersTellWhyTheirCoordinatorStopped) {
  start(2);
  coordinator_->dismiss("rank 7 was lost");
  coordinator_.reset();
  EXPECT_EQ(workers_[0]->error(), "rank 7 was lost");
}

}  // namespace
}  // namespace glm_image::test
