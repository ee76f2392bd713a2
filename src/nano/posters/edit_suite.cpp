#include "nano/posters/edit_suite.h"

#include "nano/posters/data_fields.h"
#include "nano/posters/renderer.h"
#include "nano/posters/scene_json.h"

namespace glm_image::posters {
namespace {

constexpr const char* kEdits = "edits";

EditPrompt edit_prompt_of(const io::JsonFields& entry) {
  EditPrompt prompt;
  prompt.id = entry.required_string("id");
  prompt.width = entry.required_int64("width", kMinSide, kMaxSide);
  prompt.height = entry.required_int64("height", kMinSide, kMaxSide);
  auto& edit = prompt.edit;
  const auto kind = edit_kind_of(entry.required_string("kind"));
  if (!kind) entry.refuse("kind", "a kind of edit, from change_background to combine");
  edit.kind = *kind;
  edit.instruction = entry.required_string("prompt");
  for (const auto& reference : required_objects(entry, "references", 1, 2)) {
    edit.references.push_back(scene_from_json(reference));
  }
  edit.target = scene_from_json(entry.required_object("scene"));
  const auto asked = entry.required_string_list("asked");
  edit.asked.insert(asked.begin(), asked.end());
  edit.gone = scene_from_json(entry.required_object("gone"));
  return prompt;
}

}  // namespace

bool EditSuite::is_one(const std::filesystem::path& file) {
  return io::JsonFields::load(file).has(kEdits);
}

EditSuite EditSuite::load(const std::filesystem::path& file) {
  const auto fields = io::JsonFields::load(file);
  EditSuite suite;
  suite.name = fields.required_string("name");
  for (const auto& entry : required_objects(fields, kEdits, 1, 100000)) {
    suite.prompts.push_back(edit_prompt_of(entry));
  }
  return suite;
}

io::Json EditSuite::to_json() const {
  io::Json json{{"name", name}, {kEdits, io::Json::array()}};
  for (const auto& prompt : prompts) {
    const auto& edit = prompt.edit;
    auto references = io::Json::array();
    for (const auto& reference : edit.references) references.push_back(scene_to_json(reference));
    json[kEdits].push_back({{"id", prompt.id},
                            {"kind", edit_kind_name(edit.kind)},
                            {"width", prompt.width},
                            {"height", prompt.height},
                            {"prompt", edit.instruction},
                            {"references", references},
                            {"scene", scene_to_json(edit.target)},
                            {"asked", edit.asked},
                            {"gone", scene_to_json(edit.gone)}});
  }
  return json;
}

EditSuite make_edit_suite(const PosterSource& source,
                          const std::string& name,
                          uint64_t seed,
                          int64_t per_kind) {
  EditSuite suite;
  suite.name = name;
  for (int kind = 0; kind < kEditKindCount; ++kind) {
    for (int64_t i = 0; i < per_kind; ++i) {
      EditPrompt prompt;
      prompt.edit = make_edit(source,
                              static_cast<EditKind>(kind),
                              seed + static_cast<uint64_t>(kind),
                              static_cast<uint64_t>(i),
                              Split::kEvaluation);
      const auto number = std::to_string(i + 1);
      const auto zeros = number.size() < 2 ? "0" : "";
      prompt.id = concat(edit_kind_name(prompt.edit.kind), "-", zeros, number);
      suite.prompts.push_back(std::move(prompt));
    }
  }
  return suite;
}

}  // namespace glm_image::posters
