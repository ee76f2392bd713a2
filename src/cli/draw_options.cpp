#include "cli/draw_options.h"

#include <charconv>
#include <filesystem>
#include <random>

#include "cli/whole_number.h"
#include "core/error.h"
#include "glm_image/limits.h"
#include "image/codec.h"
#include "io/text_input.h"
#include "pipeline/json_exchange.h"
#include "pipeline/recipe.h"

namespace glm_image::cli {
namespace {

/// More than a prompt may have: its own check names the number of bytes found.
constexpr int64_t kMaxPromptFileBytes = 1 << 20;

std::string read_prompt_file(const std::string& path) {
  if (path.empty()) fail(ErrorCode::kInvalidInput, "--prompt-file must name a file; found ''");
  auto text = io::read_text_input(path, kMaxPromptFileBytes);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

/// How a picture was made, from the picture itself.
pipeline::Recipe recipe_from(const std::string& path, size_t images_given) {
  for (const auto& [key, text] : image::read_png_text(path)) {
    if (key != pipeline::kRecipeKey) continue;
    auto recipe = pipeline::parse_recipe(text, path);
    if (recipe.condition_images != static_cast<int64_t>(images_given)) {
      fail(ErrorCode::kInvalidInput,
           path,
           ": was made from ",
           recipe.condition_images,
           " pictures, ",
           images_given,
           " are given; draw it again with `glm-image ",
           recipe.condition_images > 0 ? "edit --image FILE" : "generate",
           " --like`");
    }
    return recipe;
  }
  fail(ErrorCode::kInvalidInput, path, ": does not say how it was made (no glm-image text chunk)");
}

}  // namespace

void add_draw_options(CLI::App& command, DrawOptions& options) {
  auto* prompt =
      command.add_option("--prompt,-p", options.prompt, "What to draw; texts to spell in quotes");
  command
      .add_option("--prompt-file",
                  options.prompt_file,
                  "Read the prompt from a file or a pipe; - is standard input")
      ->type_name("F")
      ->excludes(prompt);
  command.add_option("--text", options.texts, "A text to spell, besides those quoted (repeatable)")
      ->type_name("T")
      ->allow_extra_args(false);
  command.add_option("--size", options.size, "Pixels, multiples of 32 (default: the model's own)")
      ->type_name("WxH");
  command.add_option("--steps", options.steps, "Denoising steps (default: the model's own)")
      ->transform(whole_number<int64_t>(1, limits::kMaxSteps))
      ->type_name("N");
  command
      .add_option("--guidance",
                  options.guidance,
                  "How closely to follow the prompt; 1 is fastest (default: the model's own)")
      ->type_name("X");
  command.add_option("--seed", options.seed, "Same seed, same picture (default: drawn)")
      ->transform(whole_number<uint64_t>(0))
      ->type_name("N");
  command.add_option("--count", options.count, "Pictures to draw, each composed anew")
      ->transform(whole_number<int64_t>(1, limits::kMaxCount))
      ->capture_default_str()
      ->type_name("N");
  command
      .add_option(
          "--temperature", options.temperature, "Of the generator (default: the model's own)")
      ->type_name("X");
  command.add_option("--top-p", options.top_p, "Of the generator (default: the model's own)")
      ->type_name("X");
  command
      .add_option("--glyph-rules",
                  options.glyph_rules,
                  "Which quotes count: smart (French too, the default) or reference")
      ->check(CLI::IsMember({"smart", "reference"}))
      ->type_name("R");
  auto* tokens =
      command.add_option("--tokens", options.tokens, "Paint this saved composition again")
          ->type_name("FILE");
  command.add_option("--save-tokens", options.save_tokens, "Keep the composition for --tokens")
      ->type_name("FILE");
  command
      .add_option("--like", options.like, "Draw a picture of ours again; other options change it")
      ->type_name("PNG")
      ->excludes(tokens);
  command.add_option("-o,--output", options.output, "Where to write: .png, .jpg or .webp")
      ->capture_default_str()
      ->type_name("FILE");
  command.add_option("--quality", options.quality, "Of a JPEG or WebP, 1 to 100")
      ->transform(whole_number(1, 100))
      ->capture_default_str()
      ->type_name("N");
  add_model_options(command, options.model);
  command.add_flag("--json", options.json, "Print what was done as JSON");
  command.add_flag("--quiet,-q", options.quiet, "No progress and no warnings");
}

std::pair<int64_t, int64_t> parse_size(const std::string& text) {
  int64_t width = 0, height = 0;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, width);
  if (first.ec == std::errc() && first.ptr != end && (*first.ptr == 'x' || *first.ptr == 'X')) {
    const auto second = std::from_chars(first.ptr + 1, end, height);
    if (second.ec == std::errc() && second.ptr == end && width > 0 && height > 0) {
      return {width, height};
    }
  }
  fail(ErrorCode::kInvalidInput, "--size must be WIDTHxHEIGHT, like 1024x768; found '", text, "'");
}

std::string numbered_path(const std::string& path, int64_t index, int64_t count) {
  if (count == 1) return path;
  auto number = std::to_string(index + 1);
  number.insert(0, std::to_string(count).size() - number.size(), '0');
  const std::filesystem::path whole(path);
  auto name = whole.stem().string() + "-" + number + whole.extension().string();
  return (whole.parent_path() / name).string();
}

DrawJob make_job(const DrawOptions& options) {
  DrawJob job;
  auto& request = job.request;
  if (!options.like.empty()) {
    auto recipe = recipe_from(options.like, options.images.size());
    request = std::move(recipe.request);
    if (!options.size) {
      job.file_width = recipe.file_width;
      job.file_height = recipe.file_height;
    }
  }
  if (options.prompt) request.prompt = *options.prompt;
  if (options.prompt_file) request.prompt = read_prompt_file(*options.prompt_file);
  if (!options.texts.empty()) request.texts = options.texts;
  if (options.size) std::tie(request.width, request.height) = parse_size(*options.size);
  if (options.steps) request.steps = *options.steps;
  if (options.guidance) request.guidance = *options.guidance;
  if (options.temperature) request.temperature = options.temperature;
  if (options.top_p) request.top_p = options.top_p;
  if (options.glyph_rules) {
    request.glyph_rules =
        *options.glyph_rules == "reference" ? GlyphRules::kReference : GlyphRules::kSmart;
  }
  request.count = options.count;
  if (options.seed) {
    request.seed = *options.seed;
  } else if (options.like.empty()) {
    request.seed = std::random_device()();
  }
  if (!options.tokens.empty()) request.composition = pipeline::load_composition(options.tokens);
  for (const auto& path : options.images)
    request.condition_images.push_back(image::read_image(path, {}, &job.warnings));
  return job;
}

}  // namespace glm_image::cli
