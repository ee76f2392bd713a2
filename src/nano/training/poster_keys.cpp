#include "nano/training/poster_keys.h"

#include <algorithm>

#include "glm_image/limits.h"
#include "text/grid.h"
#include "train/config/run_limits.h"
#include "train/config/stage_keys.h"
#include "train/config/stage_names.h"

namespace glm_image::nano {
namespace {

constexpr int64_t kLeastSide = text::kTokenSide;

std::vector<train::SizeShare> read_sizes(const io::JsonFields& fields) {
  const auto& json = fields.json();
  const std::string expected =
      concat("a list of {\"width\", \"height\", \"share\"}, sides multiples of ",
             text::kTokenSide,
             " from ",
             kLeastSide,
             " to ",
             limits::kMaxSide);
  if (!fields.has("sizes") || !json["sizes"].is_array() || json["sizes"].empty()) {
    fields.refuse("sizes", expected);
  }
  std::vector<train::SizeShare> sizes;
  for (const auto& item : json["sizes"]) {
    if (!item.is_object()) fields.refuse("sizes", expected);
    const io::JsonFields size(item, fields.source() + ": sizes");
    sizes.push_back({size.required_int64("width", kLeastSide, limits::kMaxSide),
                     size.required_int64("height", kLeastSide, limits::kMaxSide),
                     size.optional_double("share", 1, 0, 1e6)});
    size.refuse_unread();
    if (sizes.back().width % kLeastSide != 0 || sizes.back().height % kLeastSide != 0) {
      fields.refuse("sizes", expected);
    }
  }
  const auto is_trained = [](const train::SizeShare& size) { return size.share > 0; };
  if (std::none_of(sizes.begin(), sizes.end(), is_trained)) {
    fields.refuse("sizes", "a list with a share above 0");
  }
  return sizes;
}

constexpr double kMostWeight = 1e3;

}  // namespace

void PosterKeys::visit(train::KeyVisitor& keys) {
  keys.other({"sizes", "list of width, height (multiples of 32), share", nullptr, train::kRequired},
             "list",
             [this](const io::JsonFields& fields) { sizes = read_sizes(fields); });
  keys.integer({"posters", "number of different posters; 0: no poster repeats"},
               posters,
               0,
               train::kMostSteps);
}

void VocabularyKeys::visit(train::KeyVisitor& keys) {
  keys.integer({"captions", "number of captions to read", nullptr, train::kRequired},
               captions,
               1,
               10'000'000);
}

void PosterVaeKeys::visit(train::KeyVisitor& keys) {
  keys.number({"text_pixel_weight", "loss weight of pixels inside texts", "text_weight"},
              text_pixel_weight,
              1,
              kMostWeight);
  keys.number({"marked_letter_pixel_weight",
               "of those inside letters outside ASCII; 0: text_pixel_weight",
               "marked_letter_weight"},
              marked_letter_pixel_weight,
              0,
              kMostWeight);
}

void TeacherVqKeys::visit(train::KeyVisitor& keys) {
  keys.integer({"codes_until", "step at which the codes freeze and the encoder starts to train"},
               codes_until,
               0,
               1'000'000);
  keys.integer({"quantised_from", "step from which the heads read codes instead of vectors"},
               quantised_from,
               0,
               1'000'000);
  keys.number({"pictogram_token_weight", "loss weight of tokens of pictograms", "pictogram_weight"},
              pictogram_token_weight,
              1e-3,
              kMostWeight);
  keys.number({"text_token_weight", "loss weight of tokens of texts", "text_weight"},
              text_token_weight,
              1e-3,
              kMostWeight);
  keys.number({"background_weight", "loss weight of other tokens", "ground_weight"},
              background_weight,
              1e-3,
              kMostWeight);
  keys.number({"class_weight", "weight of the loss for a token's class", "kind_weight"},
              class_weight,
              0,
              kMostWeight);
  keys.number({"cell_weight", "weight of the loss for its cell of the item", "part_weight"},
              cell_weight,
              0,
              kMostWeight);
  keys.number({"encoder_weight", "weight of the encoder's loss", "finding_weight"},
              encoder_weight,
              0,
              kMostWeight);
  keys.number(
      {"codebook_decay", "decay of the codebook's moving averages"}, codebook_decay, 0, 0.99999);
}

void PosterTransformerKeys::visit(train::KeyVisitor& keys) {
  keys.number({"text_latent_weight", "loss weight of latents inside texts", "text_weight"},
              text_latent_weight,
              1,
              100);
  keys.number(
      {"pictogram_latent_weight", "loss weight of latents inside pictograms", "pictogram_weight"},
      pictogram_latent_weight,
      1,
      100);
  keys.number({"marked_letter_latent_weight",
               "of those inside letters outside ASCII; 0: text_latent_weight",
               "marked_letter_weight"},
              marked_letter_latent_weight,
              0,
              100);
  keys.number({"letter_weight", "weight of the heads that predict letters; 0: none"},
              letter_weight,
              0,
              100);
  keys.number({"position_weight", "weight of the head that predicts row and column; 0: none"},
              position_weight,
              0,
              100);
  keys.number(
      {"teacher_codes_share", "fraction of examples with the teacher's codes", "scene_codes"},
      teacher_codes_share,
      0,
      1);
  keys.number({"miscounted_lines", "fraction of these with a line one token too long or short"},
              miscounted_lines,
              0,
              1);
  keys.number({"swapped_codes", "largest fraction of an item's codes that are swapped"},
              swapped_codes,
              0,
              1);
  keys.number({"crop_texts", "fraction of crops around a text, not around any item", "band_texts"},
              crop_texts,
              0,
              1);
  keys.integer({"embed_posters", "posters for the initial embedding of the codes; 0: random"},
               embed_posters,
               0,
               1'000'000);
  keys.flag({"counting_bias", "initial position biases that count letters; false: random"},
            counting_bias);
}

void PosterGeneratorKeys::visit(train::KeyVisitor& keys) {
  keys.flag({"teacher_codes", "train on the teacher's codes", "scene_codes"}, teacher_codes);
  keys.number({"change_weight",
               "loss weight where the class changes in a row, and of a grid's first token"},
              change_weight,
              1,
              kMostWeight);
  for (const char* name : {"first_weight", "decision_weight", "turn_weight"}) {
    keys.removed(name, "change_weight");
  }
  keys.number({"class_weight", "weight of the head for each token's class; 0: none", "kind_weight"},
              class_weight,
              0,
              kMostWeight);
  keys.number(
      {"scene_weight", "weight of the head for the scene; 0: none"}, scene_weight, 0, kMostWeight);
  keys.integer({"scene_layers", "layers before this head", nullptr, "half"}, scene_layers, 0, 1000);
  keys.number({"position_weight", "weight of the head that predicts row and column; 0: none"},
              position_weight,
              0,
              kMostWeight);
  keys.number({"counting_weight", "weight of the head for the letters read; 0: none"},
              counting_weight,
              0,
              kMostWeight);
  keys.integer({"position_layers", "layers before these two heads", nullptr, "a third"},
               position_layers,
               0,
               1000);
  keys.integer({"more_prompts", "additional prompts per batch, for the heads on prompts"},
               more_prompts,
               0,
               4096);
}

void describe_stage(const std::string& stage, train::KeyHelp& help) {
  if (stage == kVocabularyStage) {
    help.section("Keys:");
    train::RunKeys().visit(help);
    help.section("In the object \"vocabulary\":");
    VocabularyKeys().visit(help);
    return;
  }
  help.section("If data is data/posters:");
  PosterKeys().visit(help);
  help.section(concat("In the object \"", stage, "\", if data is data/posters:"));
  if (stage == train::kVaeStage) PosterVaeKeys().visit(help);
  if (stage == train::kVqStage) TeacherVqKeys().visit(help);
  if (stage == train::kTransformerStage) PosterTransformerKeys().visit(help);
  if (stage == train::kGeneratorStage) PosterGeneratorKeys().visit(help);
}

}  // namespace glm_image::nano
