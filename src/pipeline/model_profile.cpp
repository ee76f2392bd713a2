#include "pipeline/model_profile.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "core/text_format.h"
#include "core/width_height.h"
#include "glm_image/limits.h"
#include "io/json_file.h"
#include "text/grid.h"

namespace glm_image::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxListed = 64;
/// JavaScript clients cannot represent larger numbers exactly.
constexpr int64_t kMaxExampleSeed = (int64_t{1} << 53) - 1;

/// Pictures degrade at sizes far from the training sizes. A size is far if its number of pixels or
/// its aspect ratio is outside the range of the training sizes by more than these factors.
constexpr double kFarPixels = 1.6;
constexpr double kFarShape = 1.5;

double pixels_of(const PictureSize& size) {
  return static_cast<double>(size.width) * static_cast<double>(size.height);
}

double shape_of(const PictureSize& size) {
  return static_cast<double>(size.width) / static_cast<double>(size.height);
}

/// The square, the aspect ratios 4:3, 3:2 and 16:9 of its area in both orientations, and the square
/// of twice the side: GLM-Image is published for 1024 to 2048 pixels. All are multiples of 32.
std::vector<PictureSize> usual_sizes(int64_t side) {
  constexpr std::pair<int, int> kShapes[] = {
      {1, 1}, {4, 3}, {3, 4}, {3, 2}, {2, 3}, {16, 9}, {9, 16}};
  const auto rounded = [](double pixels) {
    const auto tokens = std::llround(pixels / static_cast<double>(text::kTokenSide));
    return std::clamp<int64_t>(tokens, 1, limits::kMaxGridSide) * text::kTokenSide;
  };
  std::vector<PictureSize> sizes;
  // For a small square, several aspect ratios round to the same size.
  const auto add = [&](const PictureSize& size) {
    const bool is_new = std::none_of(sizes.begin(), sizes.end(), [&](const PictureSize& other) {
      return other.width == size.width && other.height == size.height;
    });
    if (is_new) sizes.push_back(size);
  };
  const auto length = static_cast<double>(side);
  for (const auto& [across, down] : kShapes) {
    const double stretch = std::sqrt(static_cast<double>(across) / down);
    add({rounded(length * stretch), rounded(length / stretch)});
  }
  add({rounded(2 * length), rounded(2 * length)});
  return sizes;
}

/// Parses WIDTHxHEIGHT. Returns std::nullopt for other texts and for sizes that are not allowed.
std::optional<PictureSize> parse_size(const std::string& text) {
  const auto parsed = parse_width_height(text);
  if (!parsed) return std::nullopt;
  const PictureSize size{parsed->first, parsed->second};
  for (const int64_t side : {size.width, size.height}) {
    if (side < text::kTokenSide || side > limits::kMaxSide || side % text::kTokenSide != 0) {
      return std::nullopt;
    }
  }
  return size;
}

std::string size_rule() {
  return concat("WIDTHxHEIGHT in multiples of ",
                text::kTokenSide,
                " from ",
                text::kTokenSide,
                " to ",
                limits::kMaxSide);
}

std::vector<PictureSize> read_sizes(const io::JsonFields& fields) {
  std::vector<PictureSize> sizes;
  const auto texts = fields.required_string_list("sizes");
  for (const auto& text : texts) {
    const auto size = parse_size(text);
    if (!size) fields.refuse("sizes", concat("a list of ", size_rule()));
    sizes.push_back(*size);
  }
  if (sizes.empty() || sizes.size() > kMaxListed) {
    fields.refuse("sizes", concat("a list of 1 to ", kMaxListed, " sizes"));
  }
  return sizes;
}

bool is_language(const std::string& text) {
  return (text.size() == 2 || text.size() == 3) &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

ExamplePrompt read_example(const io::JsonFields& fields, const PictureSize& default_size) {
  ExamplePrompt example;
  example.language = fields.required_string("language");
  if (!is_language(example.language)) {
    fields.refuse("language", "a language code of two or three letters, such as \"fr\"");
  }
  example.prompt = fields.required_string("prompt");
  if (example.prompt.find_first_not_of(" \t\r\n") == std::string::npos) {
    fields.refuse("prompt", "a text that says what to draw");
  }
  example.seed = static_cast<uint64_t>(fields.required_int64("seed", 0, kMaxExampleSeed));
  example.size = default_size;
  if (fields.has("size")) {
    const auto size = parse_size(fields.required_string("size"));
    if (!size) fields.refuse("size", size_rule());
    example.size = *size;
  }
  fields.refuse_unread();
  return example;
}

std::vector<ExamplePrompt> read_examples(const io::JsonFields& fields,
                                         const PictureSize& default_size) {
  std::vector<ExamplePrompt> examples;
  if (!fields.has("examples")) return examples;
  const auto& list = fields.json().at("examples");
  if (!list.is_array() || list.size() > kMaxListed) {
    fields.refuse("examples", concat("a list of at most ", kMaxListed, " objects"));
  }
  for (const auto& item : list) {
    const auto place = concat(fields.source(), ": examples[", examples.size(), "]");
    examples.push_back(read_example(io::JsonFields(item, place), default_size));
  }
  return examples;
}

bool is_far(const ModelProfile& profile, const PictureSize& size) {
  const auto [fewest, most] = std::minmax_element(
      profile.sizes.begin(), profile.sizes.end(), [](const auto& a, const auto& b) {
        return pixels_of(a) < pixels_of(b);
      });
  const auto [tallest, widest] = std::minmax_element(
      profile.sizes.begin(), profile.sizes.end(), [](const auto& a, const auto& b) {
        return shape_of(a) < shape_of(b);
      });
  return pixels_of(size) < pixels_of(*fewest) / kFarPixels ||
         pixels_of(size) > pixels_of(*most) * kFarPixels ||
         shape_of(size) < shape_of(*tallest) / kFarShape ||
         shape_of(size) > shape_of(*widest) * kFarShape;
}

}  // namespace

ModelProfile load_profile(const fs::path& model, int64_t default_side) {
  ModelProfile profile;
  profile.sizes = usual_sizes(default_side);
  const auto file = model / kProfileFile;
  std::error_code error;
  if (!fs::exists(file, error)) return profile;
  const auto fields = io::JsonFields::load(file);
  if (fields.has("sizes")) profile.sizes = read_sizes(fields);
  profile.steps = fields.optional_int64("steps", profile.steps, 1, limits::kMaxSteps);
  profile.guidance = fields.optional_double(
      "guidance", profile.guidance, limits::kMinGuidance, limits::kMaxGuidance);
  profile.edits = fields.optional_bool("edits", profile.edits);
  profile.examples = read_examples(fields, profile.sizes.front());
  fields.refuse_unread();
  return profile;
}

io::OrderedJson to_json(const ModelProfile& profile) {
  auto sizes = io::OrderedJson::array();
  for (const auto& size : profile.sizes) sizes.push_back(size_text(size));
  auto examples = io::OrderedJson::array();
  for (const auto& example : profile.examples) {
    examples.push_back({{"language", example.language},
                        {"prompt", example.prompt},
                        {"seed", example.seed},
                        {"size", size_text(example.size)}});
  }
  return {{"sizes", sizes},
          {"steps", profile.steps},
          {"guidance", profile.guidance},
          {"edits", profile.edits},
          {"examples", examples}};
}

std::string size_text(const PictureSize& size) {
  return concat(size.width, "x", size.height);
}

std::vector<Warning> warnings_of(const ModelProfile& profile,
                                 const PictureSize& size,
                                 int64_t condition_images) {
  std::vector<Warning> warnings;
  if (size.width != 0 && is_far(profile, size)) {
    std::string trained;
    for (const auto& known : profile.sizes) {
      trained += (trained.empty() ? "" : ", ") + size_text(known);
    }
    warnings.push_back({"size_not_trained",
                        concat("the size ",
                               size_text(size),
                               " is far from those that this model was trained at (",
                               trained,
                               "); the picture may be illegible")});
  }
  if (condition_images > 0 && !profile.edits) {
    warnings.push_back({"editing_not_trained",
                        "this model was not trained to edit pictures; the result may ignore the "
                        "prompt"});
  }
  return warnings;
}

}  // namespace glm_image::pipeline
