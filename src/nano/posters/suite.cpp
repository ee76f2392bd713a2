#include "nano/posters/suite.h"

#include <algorithm>

#include "nano/posters/data_fields.h"
#include "nano/posters/renderer.h"
#include "nano/posters/scene_json.h"

namespace glm_image::posters {
namespace {

constexpr int kPerTier = 100;

PosterSource::Options options_of_tier(int tier, uint64_t seed) {
  PosterSource::Options options;
  options.seed = seed + static_cast<uint64_t>(tier);
  options.min_texts = options.max_texts = tier == 1 ? 1 : 2;
  options.min_pictograms = tier == 3 ? 2 : 0;
  options.max_pictograms = tier == 1 ? 1 : tier == 2 ? 0 : 2;
  return options;
}

bool says_all_places(const Scene& scene, const std::set<std::string>& says) {
  for (std::size_t i = 0; i < scene.texts.size(); ++i) {
    if (says.count(concat("texts[", i, "].place")) == 0) return false;
  }
  for (std::size_t i = 0; i < scene.pictograms.size(); ++i) {
    if (says.count(concat("pictograms[", i, "].place")) == 0) return false;
  }
  return true;
}

Caption caption_of_tier(const PosterSource& source, const Scene& scene, int tier, uint64_t index) {
  constexpr uint64_t kWordings = 1000;
  for (uint64_t wording = 0; wording < kWordings; ++wording) {
    auto caption = source.worded(scene, index * kWordings + wording);
    if (tier < 3 || says_all_places(scene, caption.says)) return caption;
  }
  fail(ErrorCode::kCorruptFile, "the grammar never mentions all places of a poster");
}

}  // namespace

Suite Suite::load(const std::filesystem::path& file) {
  const auto fields = io::JsonFields::load(file);
  Suite suite;
  suite.name = fields.required_string("name");
  for (const auto& entry : required_objects(fields, "prompts", 1, 100000)) {
    SuitePrompt prompt;
    prompt.id = entry.required_string("id");
    prompt.tier = static_cast<int>(entry.required_int64("tier", 1, 3));
    prompt.width = entry.required_int64("width", kMinSide, kMaxSide);
    prompt.height = entry.required_int64("height", kMinSide, kMaxSide);
    prompt.caption.text = entry.required_string("prompt");
    const auto says = entry.required_string_list("says");
    prompt.caption.says.insert(says.begin(), says.end());
    prompt.scene = scene_from_json(entry.required_object("scene"));
    suite.prompts.push_back(std::move(prompt));
  }
  return suite;
}

io::Json Suite::to_json() const {
  io::Json json{{"name", name}, {"prompts", io::Json::array()}};
  for (const auto& prompt : prompts) {
    json["prompts"].push_back({{"id", prompt.id},
                               {"tier", prompt.tier},
                               {"width", prompt.width},
                               {"height", prompt.height},
                               {"prompt", prompt.caption.text},
                               {"says", prompt.caption.says},
                               {"scene", scene_to_json(prompt.scene)}});
  }
  return json;
}

Suite make_suite(const PosterSource& source, const std::string& name, uint64_t seed) {
  Suite suite;
  suite.name = name;
  for (int tier = 1; tier <= 3; ++tier) {
    for (int i = 0; i < kPerTier; ++i) {
      const auto index = static_cast<uint64_t>(i);
      SuitePrompt prompt;
      prompt.tier = tier;
      const auto number = std::to_string(i + 1);
      prompt.id = concat(tier, "-", std::string(3 - number.size(), '0'), number);
      prompt.scene = source.scene(index, Split::kEvaluation, options_of_tier(tier, seed));
      prompt.caption = caption_of_tier(source, prompt.scene, tier, index);
      suite.prompts.push_back(std::move(prompt));
    }
  }
  return suite;
}

}  // namespace glm_image::posters
