#include "nano/posters/scene_json.h"

#include "shared_source.h"

namespace glm_image::posters {
namespace {

using test::poster_source;

TEST(SceneJson, RoundTrips) {
  for (uint64_t i = 0; i < 200; ++i) {
    const auto scene = poster_source().scene(i, Split::kEvaluation);
    const auto json = io::parse_json(scene_to_json(scene).dump(), "scene");
    const auto back = scene_from_json(io::JsonFields(json, "scene"));
    EXPECT_EQ(scene_to_json(back), json);
    ASSERT_EQ(back.texts.size(), scene.texts.size());
    for (std::size_t t = 0; t < scene.texts.size(); ++t) {
      EXPECT_EQ(back.texts[t].text, scene.texts[t].text);
      EXPECT_EQ(back.texts[t].place, scene.texts[t].place);
      EXPECT_EQ(back.texts[t].size, scene.texts[t].size);
    }
    EXPECT_EQ(back.background.second.has_value(), scene.background.second.has_value());
  }
}

TEST(SceneJson, ErrorsNameTheProblem) {
  const auto good = scene_to_json(poster_source().scene(0, Split::kTraining));
  const auto expect_refused = [&](const std::string& fragment, const auto& change) {
    auto json = good;
    change(json);
    test::expect_error(ErrorCode::kCorruptFile, {"scene", fragment}, [&] {
      scene_from_json(io::JsonFields(json, "scene"));
    });
  };
  expect_refused("background", [](io::Json& json) { json.erase("background"); });
  expect_refused("texts", [](io::Json& json) { json["texts"] = 3; });
  expect_refused("place", [](io::Json& json) { json["texts"][0]["place"] = "nowhere"; });
  expect_refused("lines", [](io::Json& json) { json["texts"][0]["lines"] = io::Json::array(); });
  expect_refused("size", [](io::Json& json) { json["texts"][0]["size"] = "large"; });
  expect_refused("rgb", [](io::Json& json) { json["background"]["first"]["rgb"] = {1, 2}; });
}

}  // namespace
}  // namespace glm_image::posters
