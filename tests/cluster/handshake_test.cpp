// Who may join: both sides prove the key, and the models are the same.

#include "cluster/handshake.h"

#include <optional>
#include <thread>

#include "cluster/cluster_support.h"
#include "cluster/message.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using cluster::ModelFingerprint;
using cluster::Secret;

Secret secret_of(const std::string& key) {
  const TemporaryDirectory folder;
  write_file(folder.path() / "key", key);
  return Secret::load(folder.path() / "key");
}

ModelFingerprint model_of(const std::map<std::string, std::string>& files) {
  ModelFingerprint model;
  model.files = files;
  return model;
}

struct Side {
  Secret secret = secret_of("the key of all ranks");
  ModelFingerprint model = model_of({{"vae/config.json", "a"}, {"vae/model.safetensors", "b"}});
};

/// What each side said of the other; empty for no error.
struct Outcome {
  std::string worker, coordinator;
  std::optional<cluster::Welcome> welcome;
};

Outcome meet(const Side& coordinator, const Side& worker) {
  auto [a, b] = connected_sockets();
  Outcome outcome;
  std::thread other([&, &socket = a] {
    try {
      cluster::admit(socket, coordinator.secret, coordinator.model, [] {
        return cluster::Welcome{3, 4, "float32", "bfloat16"};
      });
    } catch (const std::exception& error) {
      outcome.coordinator = error.what();
      socket.shut_down();
    }
  });
  try {
    outcome.welcome = cluster::join(b, worker.secret, worker.model);
  } catch (const std::exception& error) {
    outcome.worker = error.what();
    b.shut_down();
  }
  other.join();
  return outcome;
}

TEST(Handshake, AWorkerWithTheKeyAndTheModelJoins) {
  const auto outcome = meet({}, {});
  EXPECT_EQ(outcome.coordinator, "");
  EXPECT_EQ(outcome.worker, "");
  ASSERT_TRUE(outcome.welcome);
  EXPECT_EQ(outcome.welcome->rank, 3);
  EXPECT_EQ(outcome.welcome->world, 4);
  EXPECT_EQ(outcome.welcome->dtype, "float32");
  EXPECT_EQ(outcome.welcome->vae_dtype, "bfloat16");
}

TEST(Handshake, AnotherKeyIsRefusedBeforeTheModelIsTold) {
  Side stranger;
  stranger.secret = secret_of("another key of ranks");
  const auto outcome = meet({}, stranger);
  EXPECT_FALSE(outcome.welcome);
  EXPECT_NE(outcome.coordinator.find("another key"), std::string::npos) << outcome.coordinator;
  EXPECT_NE(outcome.worker.find("another key"), std::string::npos) << outcome.worker;
  stranger.secret = Secret();
  EXPECT_FALSE(meet({}, stranger).welcome);
  EXPECT_FALSE(meet(stranger, {}).welcome);
}

TEST(Handshake, AnotherModelIsRefusedNamingTheFile) {
  const auto expect_difference = [](const ModelFingerprint& model, const std::string& fragment) {
    Side other;
    other.model = model;
    const auto outcome = meet({}, other);
    EXPECT_FALSE(outcome.welcome);
    EXPECT_NE(outcome.worker.find(fragment), std::string::npos) << outcome.worker;
    EXPECT_EQ(outcome.worker, outcome.coordinator);
  };
  expect_difference(model_of({{"vae/config.json", "a"}, {"vae/model.safetensors", "c"}}),
                    "vae/model.safetensors of the worker's model differs");
  expect_difference(model_of({{"vae/config.json", "a"}}), "has no vae/model.safetensors");
  expect_difference(
      model_of({{"vae/config.json", "a"}, {"vae/model.safetensors", "b"}, {"vae/x.json", "c"}}),
      "has vae/x.json");
}

TEST(Handshake, AWorkerMayHaveAdaptersBesides) {
  Side other;
  other.model.files["adapter style"] = "s";
  EXPECT_TRUE(meet({}, other).welcome);
  EXPECT_FALSE(meet(other, {}).welcome);
}

/// A proof that is sent back to the side that it came from proves nothing.
TEST(Handshake, AReflectedProofIsRefused) {
  auto [a, b] = connected_sockets();
  std::string error;
  std::thread other([&, &socket = a] {
    try {
      cluster::admit(socket, Side().secret, Side().model, [] { return cluster::Welcome(); });
    } catch (const std::exception& refused) {
      error = refused.what();
    }
  });
  constexpr std::chrono::seconds kLimit{60};
  const auto hello = cluster::receive_message(b, kLimit, cluster::kStrangerLimits);
  // Without the key, a stranger can only repeat what it has heard.
  auto answer = hello;
  answer.head["proof"] = hello.head.at("challenge");
  cluster::send_message(b, answer, kLimit);
  EXPECT_EQ(cluster::receive_message(b, kLimit, cluster::kStrangerLimits).type(), "refusal");
  other.join();
  EXPECT_NE(error.find("another key"), std::string::npos) << error;
}

TEST(Handshake, WhatIsNoRankIsRefused) {
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
                                   std::string(40, '\xff'),
                                   std::string(16, '\0')}) {
    auto [a, b] = connected_sockets();
    std::string error;
    b.send(bytes.data(), bytes.size(), std::chrono::seconds(60));
    b.shut_down();
    EXPECT_ANY_THROW(
        cluster::admit(a, Side().secret, Side().model, [] { return cluster::Welcome(); }));
  }
}

}  // namespace
}  // namespace glm_image::test
