// Which rank draws what, and what that is predicted to cost.

#include "cluster/spread.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "models/transformer/config.h"
#include "pipeline/request_values.h"
#include "support/checked_request.h"
#include "support/reference.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using cluster::NetworkSpeed;
using cluster::Spread;
using cluster::spreads_of;
using cluster::Way;

Request request_of(int64_t count, double guidance = 1.5) {
  auto request = checked_request("a market", 64, 64, /*steps=*/4, guidance);
  request.seed = 10;
  request.count = count;
  return request;
}

std::vector<int> ranks_of(int count) {
  std::vector<int> ranks(static_cast<size_t>(count));
  std::iota(ranks.begin(), ranks.end(), 0);
  return ranks;
}

/// Rates with which one evaluation of 64×64 pixels takes a second, and all else a second in all.
pipeline::DurationEstimate one_second_rates() {
  // The 16 patches attend to one another.
  const double pixels = 64 * 64 * (1 + 16 / pipeline::DurationEstimate::kAttentionTokens);
  return pipeline::DurationEstimate::from_json(
      {{"token", 1e-9}, {"denoised_pixel", 1 / pixels}, {"decoded_pixel", 1e-9}, {"rest", 1}});
}

TEST(Spread, EachPictureIsDrawnOnceWithItsSeed) {
  for (int64_t count = 1; count <= 9; ++count) {
    for (int ranks = 1; ranks <= 7; ++ranks) {
      SCOPED_TRACE(testing::Message() << count << " pictures on " << ranks << " ranks");
      const auto spreads = spreads_of(request_of(count), ranks_of(ranks));
      EXPECT_EQ(spreads.size(), ranks > count ? 6U : 1U);
      for (const auto& spread : spreads) {
        int64_t next = 0;
        std::set<int> used;
        for (const auto& one : spread.parts) {
          EXPECT_EQ(one.first_picture, next);
          EXPECT_EQ(one.part.request.seed, 10U + static_cast<uint64_t>(next));
          EXPECT_GE(one.part.request.count, count / ranks);
          next += one.part.request.count;
          used.insert(one.part.ranks.begin(), one.part.ranks.end());
          const auto has = [&](const char* way) {
            return one.part.ranks.size() > 1 && spread.name.find(way) != std::string::npos;
          };
          EXPECT_EQ(one.part.way,
                    has("image tokens")     ? Way::kTokens
                    : has("guidance pairs") ? Way::kGuidance
                                            : Way::kAlone);
          EXPECT_EQ(one.part.shares_generator, has("generator"));
        }
        EXPECT_EQ(next, count);
        const bool has_pairs = spread.name.rfind("guidance pairs", 0) == 0;
        const int64_t most = spread.name == "pictures" ? count : has_pairs ? 2 * count : ranks;
        EXPECT_EQ(spread.ranks(), std::min<int64_t>(ranks, most));
        EXPECT_EQ(static_cast<int64_t>(used.size()), spread.ranks());
        EXPECT_EQ(spread.parts.front().part.ranks.front(), 0);
      }
    }
  }
}

/// The names of all ways.
std::vector<std::string> ways_of(const Request& request) {
  std::vector<std::string> names;
  for (const auto& spread : spreads_of(request, {0, 1})) names.push_back(spread.name);
  return names;
}

TEST(Spread, WhatARequestHasNotIsNotShared) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(ways_of(request_of(1)),
            (Names{"pictures",
                   "guidance pairs",
                   "image tokens",
                   "generator",
                   "guidance pairs + generator",
                   "image tokens + generator"}));
  EXPECT_EQ(ways_of(request_of(1, /*guidance=*/1)),
            (Names{"pictures", "image tokens", "generator", "image tokens + generator"}));
  auto draft = request_of(1);
  draft.draft = true;
  EXPECT_EQ(ways_of(draft), (Names{"pictures", "generator"}));
  auto unguided = request_of(1);
  unguided.guided = GuidanceInterval{0.5, 0.5};
  EXPECT_EQ(ways_of(unguided),
            (Names{"pictures", "image tokens", "generator", "image tokens + generator"}));
  auto cached = request_of(1);
  cached.step_cache = 0.1;
  EXPECT_EQ(ways_of(cached),
            (Names{"pictures", "guidance pairs", "generator", "guidance pairs + generator"}));
  auto composed = request_of(1);
  composed.composition.emplace();
  composed.composition->picture = {2, 2, {1, 2, 3, 4}};
  EXPECT_EQ(ways_of(composed), (Names{"pictures", "guidance pairs", "image tokens"}));
}

TEST(Spread, TheCostOfPictures) {
  const auto spread = spreads_of(request_of(4), ranks_of(2)).front();
  NetworkSpeed network;
  network.bytes_per_second = 64 * 64 * 3;
  network.latency_seconds = 0.25;
  const auto cost = cluster::cost_of(spread, one_second_rates(), network, {});
  ASSERT_TRUE(cost);
  // Two pictures with two evaluations for each of four steps, a second for the rest; the other rank
  // sends two pictures.
  EXPECT_NEAR(cost->seconds, 2 * 8 + 1 + 0.25 + 2, 1e-3);
  EXPECT_EQ(cost->bytes, 2 * 64 * 64 * 3);
}

TEST(Spread, TheCostOfAPair) {
  const auto spread = spreads_of(request_of(1), ranks_of(2)).at(1);
  ASSERT_EQ(spread.name, "guidance pairs");
  NetworkSpeed network;
  network.bytes_per_second = 8 * 8 * 16 * 4;  // the velocities in a second
  network.latency_seconds = 0.25;
  const auto cost = cluster::cost_of(spread, one_second_rates(), network, {});
  ASSERT_TRUE(cost);
  EXPECT_NEAR(cost->seconds, 4 + 1 + 4 * 1.25, 1e-3);
  EXPECT_EQ(cost->bytes, 4 * 2 * 8 * 8 * 16 * 4);
}

TEST(Spread, TheCostOfSharedTokens) {
  const auto spread = spreads_of(request_of(1), ranks_of(4)).at(2);
  ASSERT_EQ(spread.name, "image tokens");
  cluster::ModelSizes sizes;
  sizes.layers = 2;
  sizes.hidden = 8;
  NetworkSpeed network;
  // A rank's keys and values of both layers, of 16 tokens over 4 ranks, in a second.
  const double bytes = 2 * (16 / 4) * 8 * 2 * 2;
  network.bytes_per_second = bytes;
  network.latency_seconds = 0.125;
  const auto cost = cluster::cost_of(spread, one_second_rates(), network, sizes);
  ASSERT_TRUE(cost);
  // Eight evaluations, each a quarter of a second of computing; three messages of keys and three of
  // values for each layer, and the bytes of three ranks. Queries and values are an eighth of a
  // block: 4·8² of 24·8² + 4·16·8 operations a token.
  EXPECT_NEAR(cost->seconds, 1 + 8 * (0.25 + 3 * 2 * 2 * 0.125 + 3 - 0.25 / 8), 1e-3);
  EXPECT_EQ(cost->bytes, 8 * 4 * 3 * bytes);
  // 8 bits, and a scale for a head of eight values.
  sizes.bytes_per_gathered_value = (8 + 4) / 8.0;
  EXPECT_EQ(cluster::cost_of(spread, one_second_rates(), network, sizes)->bytes,
            cost->bytes * 3 / 4);
  // A fast network's messages take less time than what they are hidden behind.
  network.bytes_per_second = 1e12;
  network.latency_seconds = 1e-6;
  EXPECT_NEAR(
      cluster::cost_of(spread, one_second_rates(), network, sizes)->seconds, 1 + 8 * 0.25, 1e-5);
}

TEST(Spread, TheWireDecidesTheBytesOfAModel) {
  const auto model = Pipeline::load(tiny_model_dir()).info();
  const auto exact = cluster::sizes_of(model);
  EXPECT_EQ(exact.bytes_per_gathered_value, static_cast<double>(exact.bytes_per_value));
  const auto config = models::TransformerConfig::from_json(
      io::JsonFields::load(tiny_model_dir() / "transformer" / "config.json"));
  const auto dim = static_cast<double>(config.attention_head_dim);
  EXPECT_EQ(cluster::sizes_of(model, cluster::Wire::kInt8).bytes_per_gathered_value,
            (dim + 4) / dim);
}

TEST(Spread, TheVaeDecidesTheSizeOfALatentCell) {
  TemporaryDirectory folder;
  for (const auto* component : {"transformer", "vae", "vision_language_encoder"}) {
    std::filesystem::create_directories(folder.path() / component);
    std::filesystem::copy_file(tiny_model_dir() / component / "config.json",
                               folder.path() / component / "config.json");
  }
  ModelInfo model;
  model.directory = folder.path();
  const auto patch = models::TransformerConfig::from_json(
                         io::JsonFields::load(folder.path() / "transformer" / "config.json"))
                         .patch_size;
  EXPECT_EQ(cluster::sizes_of(model).pixels_per_cell, 8);
  EXPECT_EQ(cluster::sizes_of(model).pixels_per_token, 8 * patch);
  // A fifth width halves the latents once more.
  const auto file = folder.path() / "vae" / "config.json";
  auto config = nlohmann::json::parse(read_file(file));
  for (const auto* list : {"block_out_channels", "down_block_types", "up_block_types"}) {
    config[list].push_back(config[list].back());
  }
  std::filesystem::permissions(
      file, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  write_file(file, config.dump());
  const auto sizes = cluster::sizes_of(model);
  EXPECT_EQ(sizes.pixels_per_cell, 16);
  EXPECT_EQ(sizes.pixels_per_token, 16 * patch);

  const auto pair = spreads_of(request_of(1), ranks_of(2)).at(1);
  const auto cost = cluster::cost_of(pair, one_second_rates(), NetworkSpeed(), sizes);
  ASSERT_TRUE(cost);
  // Two ranks' velocities of 4x4 cells in each of four steps.
  EXPECT_EQ(cost->bytes,
            static_cast<double>(2 * 4 * 4 * 4 * sizes.latent_channels) * sizeof(float));
}

TEST(Spread, TheCostOfASharedGenerator) {
  auto request = request_of(1);
  request.prompt.clear();
  const auto spreads = spreads_of(request, ranks_of(2));
  const auto& spread = spreads.at(3);
  ASSERT_EQ(spread.name, "generator");
  cluster::ModelSizes sizes;
  sizes.generator_layers = 3;
  sizes.generator_hidden = 50;
  sizes.generator_heads = 2;
  sizes.vision_vocabulary = 40;
  NetworkSpeed network;
  network.bytes_per_second = 100;  // a token's partial sums of 16 bits in a second
  network.latency_seconds = 0.25;
  // A token takes 100 seconds on one rank, all else nothing.
  const auto rates = pipeline::DurationEstimate::from_json(
      {{"token", 100}, {"denoised_pixel", 1e-9}, {"decoded_pixel", 1e-9}, {"rest", 1e-9}});
  const auto cost = cluster::cost_of(spread, rates, network, sizes);
  ASSERT_TRUE(cost);
  const auto tokens = static_cast<double>(pipeline::written_tokens(request));
  // Two sums a layer, the logits of the other rank, and the sampled token of 8 bytes. The 16
  // markers of the prompt are one run.
  const double token = 6 * 1.25 + (0.25 + 0.8) + (0.25 + 0.08);
  const double prompt = 6 * (0.25 + 16) + (0.25 + 0.8);
  EXPECT_NEAR(cost->seconds, tokens * (50 + token) + prompt, 0.01);
  EXPECT_NEAR(cost->bytes, tokens * (2 * (6 * 100 + 80) + 8) + 2 * (6 * 1600 + 80), 0.01);
  sizes.generator_heads = 1;
  EXPECT_FALSE(cluster::cost_of(spread, rates, network, sizes));
  // Four ranks: each sends to three others, and all wait for one message.
  sizes.generator_heads = 4;
  const auto four = spreads_of(request, ranks_of(4)).at(3);
  ASSERT_EQ(four.name, "generator");
  const auto cost_of_four = cluster::cost_of(four, rates, network, sizes);
  ASSERT_TRUE(cost_of_four);
  const double token_of_four = 6 * (0.25 + 3) + (0.25 + 1.2) + (0.25 + 0.24);
  const double prompt_of_four = 6 * (0.25 + 48) + (0.25 + 1.2);
  EXPECT_NEAR(cost_of_four->seconds, tokens * (25 + token_of_four) + prompt_of_four, 0.01);
  EXPECT_NEAR(
      cost_of_four->bytes, tokens * (4 * (6 * 300 + 120) + 3 * 8) + 4 * (6 * 4800 + 120), 0.01);
}

TEST(Spread, VerifiedPicturesAreThoseOfTheFirstRank) {
  auto request = request_of(3);
  request.verify = true;
  for (const auto& spread : spreads_of(request, ranks_of(2))) {
    ASSERT_EQ(spread.parts.size(), 1U);
    EXPECT_EQ(spread.parts.front().part.ranks.front(), 0);
    EXPECT_EQ(spread.parts.front().part.request.count, 3);
  }
  EXPECT_EQ(ways_of(request).size(), 6U);
}

TEST(Spread, SharedWeightsAreOnePartOfAllRanks) {
  for (const int64_t count : {1, 5}) {
    for (const int ranks : {2, 3}) {
      const auto spreads = cluster::weight_sharing_spreads(request_of(count), ranks_of(ranks));
      EXPECT_EQ(spreads.size(), ranks == 2 ? 3U : 2U);
      for (const auto& spread : spreads) {
        ASSERT_EQ(spread.parts.size(), 1U);
        const auto& part = spread.parts.front().part;
        EXPECT_TRUE(part.shares_generator);
        EXPECT_EQ(part.ranks, ranks_of(ranks));
        EXPECT_EQ(part.request.count, count);
      }
    }
  }
  // One machine that is left holds everything.
  EXPECT_FALSE(cluster::weight_sharing_spreads(request_of(1), ranks_of(1))
                   .front()
                   .parts.front()
                   .part.shares_generator);
}

TEST(Spread, TheNetworkDecidesAboutPairs) {
  const auto name = [](double latency, const pipeline::DurationEstimate& rates) {
    NetworkSpeed network;
    network.latency_seconds = latency;
    return cluster::best_spread(request_of(1), {0, 1}, rates, network, {}).name;
  };
  EXPECT_EQ(name(0.5e-3, one_second_rates()), "guidance pairs");
  EXPECT_EQ(name(0.9, one_second_rates()), "guidance pairs");
  EXPECT_EQ(name(1.1, one_second_rates()), "pictures");
  EXPECT_EQ(name(0.5e-3, {}), "guidance pairs");  // nothing is known
}

TEST(NetworkSpeed, IsReadWithItsUnit) {
  EXPECT_EQ(cluster::parse_bandwidth("1Gbit"), 125e6);
  EXPECT_EQ(cluster::parse_bandwidth("2.5Mbit"), 312500);
  EXPECT_EQ(cluster::parse_latency("0.5ms"), 0.5e-3);
  EXPECT_DOUBLE_EQ(cluster::parse_latency("20us"), 20e-6);
  for (const auto* text :
       {"", "1", "Gbit", "-1Gbit", "0Gbit", "1GB", "1Gbit/s", "nanGbit", "infGbit"}) {
    expect_error(
        ErrorCode::kInvalidInput, {"--bandwidth", text}, [&] { cluster::parse_bandwidth(text); });
  }
  expect_error(
      ErrorCode::kInvalidInput, {"--latency", "1min"}, [] { cluster::parse_latency("1min"); });
}

}  // namespace
}  // namespace glm_image::test
