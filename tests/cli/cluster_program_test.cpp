// `--cluster` and `worker` as programs: the same pictures as one machine's, and what everybody says
// when one of them dies. GLM_IMAGE_KILLS is the number of kills, at moments of GLM_IMAGE_KILL_SEED;
// releases are tested with 20.

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "support/background_program.h"
#include "support/free_port.h"
#include "support/program.h"
#include "support/rank_loss.h"
#include "support/reference.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using Command = std::vector<std::string>;

/// For programs to load the model and meet, on a slow machine that other tests use too.
constexpr double kMeetingSeconds = 300;

/// How often the text contains it.
int times_in(const std::string& text, const std::string& part) {
  int found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

class ClusterProgram : public testing::Test {
 protected:
  Command draw(const std::string& output,
               const Command& more,
               const std::string& steps = "3",
               const std::string& size = "64x64") const {
    Command command = {glm_image_program(),
                       "generate",
                       "--model",
                       tiny_model_dir().string(),
                       "-p",
                       "a pot",
                       "--size",
                       size,
                       "--steps",
                       steps,
                       "--guidance",
                       "2",
                       "--seed",
                       "1",
                       "--threads",
                       "1",
                       "--no-metadata",
                       "-o",
                       path(output)};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }
  Command together(const std::string& output,
                   const std::string& world,
                   const Command& more,
                   const std::string& steps = "3",
                   const std::string& size = "64x64") const {
    auto command = draw(output, {"--cluster", address_, "--world", world}, steps, size);
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }
  /// One that is still drawing when something happens to a rank, on any machine: it takes minutes.
  /// Programs of tests know no rates, so the ranks share a single picture as a pair.
  Command draw_long(const std::string& world, const std::string& count) const {
    return together("p.png", world, {"--count", count}, "1000", "1024x768");
  }
  Command worker(const Command& more = {}) const {
    Command command = {glm_image_program(),
                       "worker",
                       "--model",
                       tiny_model_dir().string(),
                       "--threads",
                       "1",
                       "--join",
                       address_};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  const TemporaryDirectory folder_;
  const std::string address_ = "127.0.0.1:" + std::to_string(free_port());
};

TEST_F(ClusterProgram, DrawsTheBytesOfOneMachine) {
  const auto alone = run_program(draw("alone.png", {"--count", "2"}));
  ASSERT_EQ(alone.exit_code, 0) << alone.err;
  BackgroundProgram helper(worker({"--stay"}));
  for (const std::string count : {"2", "1"}) {
    const auto result = run_program(together("together.png", "2", {"--count", count}));
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(result.err.find("rank 1 of 2 (127.0.0.1) has joined"), std::string::npos)
        << result.err;
  }
  EXPECT_EQ(read_file(path("together-1.png")), read_file(path("alone-1.png")));
  EXPECT_EQ(read_file(path("together-2.png")), read_file(path("alone-2.png")));
  EXPECT_EQ(read_file(path("together.png")), read_file(path("alone-1.png")));
  helper.signal(SIGTERM);
  EXPECT_EQ(helper.wait().exit_code, 128 + SIGTERM);
}

TEST_F(ClusterProgram, SharesTheGeneratorsWeights) {
  BackgroundProgram helper(worker());
  const auto result = run_program(together("p.png", "2", {"--count", "2", "--share-weights"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::exists(path("p-2.png")));
  const auto helped = helper.wait();
  EXPECT_EQ(helped.exit_code, 0) << helped.err;
  EXPECT_NE(helped.err.find("drawing 2 pictures on 2 ranks"), std::string::npos) << helped.err;
}

TEST_F(ClusterProgram, AWorkerEndsWithItsCoordinator) {
  BackgroundProgram helper(worker());
  ASSERT_EQ(run_program(together("p.png", "2", {})).exit_code, 0);
  const auto result = helper.wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("joined " + address_ + " as rank 1 of 2"), std::string::npos)
      << result.err;
}

TEST_F(ClusterProgram, AKilledWorkerIsNamedByAllOthers) {
  std::mt19937 random(kill_seed());
  std::uniform_real_distribution<double> moment(0, 1.5);
  for (int i = 0; i < kills(); ++i) {
    BackgroundProgram first(worker()), second(worker());
    // Pictures on three ranks, or one that is drawn by a pair while the third rank waits.
    BackgroundProgram drawing(draw_long("3", i % 2 == 0 ? "3" : "1"));
    const auto draws = [](const BackgroundProgram& one) { return one.wait_for_text("drawing", 0); };
    const Stopwatch meeting;
    while (meeting.seconds() < kMeetingSeconds && !draws(first) && !draws(second)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    const bool is_first = draws(first);
    ASSERT_TRUE(is_first || draws(second)) << first.errors() << drawing.errors();
    auto& killed = is_first ? first : second;
    auto& left = is_first ? second : first;
    std::this_thread::sleep_for(std::chrono::duration<double>(moment(random)));
    killed.signal(SIGKILL);
    const auto result = drawing.wait();
    const auto lost = result.err.find("glm-image: rank ");
    EXPECT_EQ(result.exit_code, 1) << result.err;
    EXPECT_NE(lost, std::string::npos) << result.err;
    EXPECT_NE(result.err.find("of 3 (127.0.0.1) was lost: its connection"), std::string::npos)
        << result.err;
    const auto other = left.wait();
    EXPECT_EQ(other.exit_code, 1);
    EXPECT_NE(other.err.find("was lost: its connection"), std::string::npos) << other.err;
    EXPECT_FALSE(std::filesystem::exists(path("p-1.png")));
    killed.wait();
  }
}

TEST_F(ClusterProgram, AHangingWorkerIsNoticed) {
  BackgroundProgram helper(worker());
  BackgroundProgram drawing(draw_long("2", "1"));
  ASSERT_TRUE(helper.wait_for_text("drawing", kMeetingSeconds))
      << helper.errors() << drawing.errors();
  helper.signal(SIGSTOP);
  const Stopwatch waiting;
  const auto result = drawing.wait();
  // The drawing would take minutes.
  EXPECT_LT(waiting.seconds(), kEndingSeconds);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("rank 1 of 2 (127.0.0.1) was lost: it sent nothing for 8 s"),
            std::string::npos)
      << result.err;
  helper.signal(SIGKILL);
  helper.wait();
}

TEST_F(ClusterProgram, ACoordinatorThatDiesOrHangsEndsItsWorkers) {
  for (const int number : {SIGKILL, SIGSTOP}) {
    SCOPED_TRACE(number);
    // One that draws and one that waits.
    BackgroundProgram first(worker()), second(worker());
    BackgroundProgram drawing(draw_long("3", "1"));
    const auto draws = [](const BackgroundProgram& one) { return one.wait_for_text("drawing", 0); };
    wait_until([&] { return draws(first) || draws(second); });
    drawing.signal(number);
    const Stopwatch waiting;
    for (auto* helper : {&first, &second}) {
      const auto result = helper->wait();
      EXPECT_LT(waiting.seconds(), kEndingSeconds);
      EXPECT_EQ(result.exit_code, 1);
      EXPECT_NE(
          result.err.find("glm-image: rank 0, the coordinator at " + address_ + ", was lost: "),
          std::string::npos)
          << result.err;
      EXPECT_EQ(times_in(result.err, "was lost"), 1) << result.err;
      EXPECT_EQ(times_in(result.err, "glm-image: "), 1) << result.err;
    }
    drawing.signal(SIGKILL);
    drawing.wait();
  }
}

TEST_F(ClusterProgram, AnotherKeyAndAnotherModelAreRefused) {
  write_file(path("key"), "the key of this cluster\n");
  write_file(path("other"), "the key of another one\n");
  BackgroundProgram drawing(together("p.png", "2", {"--cluster-key-file", path("key")}));
  ASSERT_TRUE(drawing.wait_for_text("waiting at", kMeetingSeconds)) << drawing.errors();
  for (const Command& more : {Command{}, Command{"--cluster-key-file", path("other")}}) {
    const auto refused = run_program(worker(more));
    EXPECT_EQ(refused.exit_code, 2) << refused.err;
    EXPECT_NE(refused.err.find("key"), std::string::npos) << refused.err;
  }
  // The same model with one other byte.
  std::filesystem::copy(tiny_model_dir(), path("model"), std::filesystem::copy_options::recursive);
  const auto weights = path("model") + "/vae/diffusion_pytorch_model.safetensors";
  auto bytes = read_file(weights);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  std::filesystem::permissions(
      weights, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  write_file(weights, bytes);
  auto other = worker({"--cluster-key-file", path("key")});
  other[3] = path("model");
  const auto refused = run_program(other);
  EXPECT_EQ(refused.exit_code, 2) << refused.err;
  EXPECT_NE(
      refused.err.find("vae/diffusion_pytorch_model.safetensors of the worker's model differs"),
      std::string::npos)
      << refused.err;
  drawing.signal(SIGTERM);
  const auto result = drawing.wait();
  EXPECT_EQ(result.exit_code, 128 + SIGTERM);
  EXPECT_NE(result.err.find("127.0.0.1 did not join: "), std::string::npos) << result.err;
}

TEST_F(ClusterProgram, WrongOptionsAreRefusedBeforeAnythingIsLoaded) {
  const auto refused = [&](const Command& more, const std::string& fragment) {
    const auto result = run_program(draw("p.png", more));
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_NE(result.err.find(fragment), std::string::npos) << result.err;
  };
  refused({"--cluster", "127.0.0.1"}, "--cluster must be HOST:PORT");
  refused({"--cluster", "0.0.0.0:4600", "--world", "2"}, "name one address of this machine");
  refused({"--cluster", "127.0.0.1:4600"}, "--cluster needs --world N");
  refused({"--world", "2"}, "--world needs --cluster");
  refused({"--share-weights"}, "--share-weights needs --cluster");
  refused({"--cluster-wire", "int8"}, "--cluster-wire needs --cluster");
  refused({"--cluster-wire", "int4"}, "--cluster-wire");
  refused({"--cluster", "192.0.2.1:4600", "--world", "2"}, "--cluster-key-file");
  refused({"--cluster", "127.0.0.1:4600", "--world", "2", "--bandwidth", "1"}, "--bandwidth");
  // An address of another machine (of TEST-NET-1, which none has).
  write_file(path("key"), "the key of this cluster\n");
  refused({"--cluster", "192.0.2.1:4600", "--world", "2", "--cluster-key-file", path("key")},
          "cannot listen there");
}

TEST_F(ClusterProgram, ThePlanNamesTheWayThatIsTaken) {
  const std::string cache = "XDG_CACHE_HOME=" + path("cache");
  const auto with_cache = [&](Command command) {
    command.insert(command.begin(), {"/usr/bin/env", cache});
    return command;
  };
  const Command plan = {glm_image_program(),
                        "plan",
                        "--model",
                        tiny_model_dir().string(),
                        "--threads",
                        "1",
                        "--world",
                        "2",
                        "--size",
                        "64x64"};
  const auto unknown = run_program(with_cache(plan));
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("draw one with"), std::string::npos) << unknown.err;
  ASSERT_EQ(run_program(with_cache(draw("p.png", {}))).exit_code, 0);
  const auto result = run_program(with_cache(plan));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const auto* text : {"one machine", "pictures", "guidance pairs", "taken"}) {
    EXPECT_NE(result.out.find(text), std::string::npos) << result.out;
  }
  // Bytes of the way "image tokens": 8 bits and the scales of heads instead of the number type.
  const auto token_bytes = [&](const std::string& wire) {
    auto command = plan;
    command.insert(command.end(), {"--json", "--cluster-wire", wire});
    const auto json = nlohmann::json::parse(run_program(with_cache(command)).out);
    for (const auto& way : json.at("ways")) {
      if (way.at("way") == "image tokens") return way.at("bytes_per_picture").get<double>();
    }
    return 0.0;
  };
  EXPECT_GT(token_bytes("int8"), 0);
  EXPECT_LT(token_bytes("int8"), token_bytes("exact"));
}

}  // namespace
}  // namespace glm_image::test
