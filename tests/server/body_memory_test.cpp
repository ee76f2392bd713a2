// The memory of all request bodies.

#include "server/body_memory.h"

#include "server/api_refusal.h"
#include "server/image_request.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;

TEST(BodyMemory, IsReservedAsDataArrivesAndReleased) {
  const auto memory = std::make_shared<BodyMemory>(100'000);
  {
    Body body(memory, 50'000);
    EXPECT_EQ(memory->used(), 0) << "an announced body costs nothing";
    const std::string text(30'000, 'a');
    EXPECT_EQ(body.append(text.data(), text.size()), Body::Added::kWhole);
    EXPECT_GE(memory->used(), 30'000);
    EXPECT_EQ(body.append(text.data(), text.size()), Body::Added::kTooLarge);
    auto moved = std::move(body);
    EXPECT_EQ(moved.bytes(), text);
    EXPECT_GE(memory->used(), 30'000);
  }
  EXPECT_EQ(memory->used(), 0);
}

TEST(BodyMemory, IsSharedByAllBodies) {
  const auto memory = std::make_shared<BodyMemory>(100'000);
  const std::string text(60'000, 'a');
  Body first(memory, 100'000), second(memory, 100'000);
  EXPECT_EQ(first.append(text.data(), text.size()), Body::Added::kWhole);
  EXPECT_EQ(second.append(text.data(), text.size()), Body::Added::kNoMemory);
  first.clear();
  EXPECT_EQ(second.append(text.data(), text.size()), Body::Added::kWhole);
  EXPECT_LE(memory->used(), memory->limit());
}

TEST(BodyMemory, CountsTheMemoryOfTheParser) {
  const std::string text = R"({"prompt": "a"})";
  const auto parse = [&](int64_t limit) {
    Body body(std::make_shared<BodyMemory>(limit), limit);
    EXPECT_EQ(body.append(text.data(), text.size()), Body::Added::kWhole);
    return json_of(std::move(body));
  };
  const auto size = static_cast<int64_t>(text.size());
  EXPECT_EQ(parse(size + parsing_bytes(text.size())).at("prompt"), "a");
  expect_refusal(503, "", [&] { parse(size + parsing_bytes(text.size()) - 1); });
}

TEST(MemoryShare, GrowsAndShrinks) {
  const auto memory = std::make_shared<BodyMemory>(10);
  MemoryShare share(memory);
  EXPECT_TRUE(share.resize(8));
  EXPECT_FALSE(share.resize(11));
  EXPECT_EQ(share.bytes(), 8);
  share.require(3);
  EXPECT_EQ(memory->used(), 3);
  expect_refusal(503, "", [&] { share.require(11); });
}

}  // namespace
}  // namespace glm_image::test
