#include "cli/draw_options.h"

#include <filesystem>
#include <random>

#include "cli/whole_number.h"
#include "core/error.h"
#include "core/width_height.h"
#include "glm_image/limits.h"
#include "image/codec.h"
#include "io/text_input.h"
#include "pipeline/glyph_rules.h"
#include "pipeline/picture_metadata.h"
#include "pipeline/token_file.h"

namespace glm_image::cli {
namespace {

/// More than a prompt may have, so that the message about a long text can name its bytes.
constexpr int64_t kMaxPromptFileBytes = 1 << 20;

std::string read_prompt_file(const std::string& path) {
  if (path.empty()) fail(ErrorCode::kInvalidInput, "--prompt-file must name a file; found ''");
  const auto check_size = [&](std::uintmax_t bytes, std::uintmax_t most) {
    if (bytes <= most) return;
    fail(ErrorCode::kInvalidInput,
         path == "-" ? "standard input" : path,
         ": has ",
         bytes,
         " bytes; a prompt may have at most ",
         limits::kMaxPromptBytes);
  };
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (!error && !io::is_stream(path)) check_size(bytes, kMaxPromptFileBytes);
  auto text = io::read_text_input(path, kMaxPromptFileBytes);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  check_size(text.size(), limits::kMaxPromptBytes);
  return text;
}

/// How a picture was made, from the picture itself.
pipeline::Recipe recipe_from(const std::filesystem::path& path, size_t images_given) {
  auto recipe = pipeline::read_parameters(path);
  if (recipe.condition_images != static_cast<int64_t>(images_given)) {
    fail(ErrorCode::kInvalidInput,
         path.string(),
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
  command
      .add_option(
          "--text", options.texts, "A text to spell in addition to the quoted ones (repeatable)")
      ->type_name("T")
      ->allow_extra_args(false);
  command.add_option("--size", options.size, "Pixels, multiples of 32 (default: the model's own)")
      ->type_name("WxH");
  add_denoising_options(command, options.denoising);
  add_lora_options(command, options.loras);
  command.add_option("--seed", options.seed, "Same seed, same picture (default: random)")
      ->transform(whole_number<uint64_t>(0))
      ->type_name("N");
  command.add_option("--count", options.count, "Pictures to draw, each composed anew")
      ->transform(whole_number<int64_t>(1, limits::kMaxCount))
      ->capture_default_str()
      ->type_name("N");
  command.add_flag("--verify",
                   options.verify,
                   "Read the texts back from the pictures and report which are right");
  command
      .add_option(
          "--best-of",
          options.best_of,
          "Compositions to try until all texts are right; keeps the best (implies --verify)")
      ->transform(whole_number<int64_t>(1, limits::kMaxBestOf))
      ->capture_default_str()
      ->type_name("N");
  command
      .add_option("--temperature",
                  options.temperature,
                  "Temperature at which visual tokens are sampled (default: the model's own)")
      ->type_name("X");
  command
      .add_option("--top-p",
                  options.top_p,
                  "Top-p of the sampling of visual tokens (default: the model's own)")
      ->type_name("X");
  command
      .add_option("--glyph-rules",
                  options.glyph_rules,
                  "Which quotes count: smart (French too, the default) or reference")
      ->check(CLI::IsMember(pipeline::glyph_rules_names()))
      ->type_name("R");
  auto* tokens =
      command.add_option("--tokens", options.tokens, "Paint this saved composition again")
          ->type_name("FILE");
#if GLM_IMAGE_HAVE_SERVER
  command
      .add_option("--rewrite",
                  options.rewrite,
                  "Have the prompt rewritten by a chat server on this machine, e.g. llama-server")
      ->type_name("URL")
      ->excludes(tokens);
#endif
  command.add_option("--save-tokens", options.save_tokens, "Keep the composition for --tokens")
      ->type_name("FILE");
  command
      .add_option(
          "--like", options.like, "Draw a picture of this program again; other options change it")
      ->type_name("FILE")
      ->excludes(tokens);
  command
      .add_option("-o,--output",
                  options.output,
                  "Where to write: .png, .jpg or .webp (default: picture.png, or the next number "
                  "that is free)")
      ->type_name("FILE");
  command.add_option("--quality", options.quality, "Quality of a JPEG or WebP, 1 to 100")
      ->transform(whole_number(limits::kMinQuality, limits::kMaxQuality))
      ->capture_default_str()
      ->type_name("N");
  command.add_flag_callback(
      "--no-metadata",
      [&options] { options.metadata = false; },
      "Do not store prompt and settings in the picture (it stays marked as generated)");
  add_cluster_options(command, options.cluster);
  add_model_options(command, options.model);
  command.add_flag("--terminal-preview",
                   options.terminal_preview,
                   "Show early pictures in a terminal that can (kitty, iTerm2, sixel)");
  command.add_flag("--json", options.json, "Print what was done as JSON");
  command.add_flag("--quiet,-q", options.quiet, "No progress and no warnings");
}

std::pair<int64_t, int64_t> parse_size(const std::string& text) {
  if (const auto size = parse_width_height(text)) return *size;
  fail(ErrorCode::kInvalidInput, "--size must be WIDTHxHEIGHT, like 1024x768; found '", text, "'");
}

DrawJob read_settings(const DrawOptions& options) {
  DrawJob job;
  auto& request = job.request;
  bool takes_recipe = !options.like.empty();
  if (takes_recipe) {
    auto recipe = recipe_from(options.like, options.images.size());
    request = std::move(recipe.request);
    job.drawn_by = std::move(recipe.model);
    if (!options.size) {
      job.file_width = recipe.file_width;
      job.file_height = recipe.file_height;
    }
  }
  std::optional<Composition> composition;
  if (!options.tokens.empty()) {
    auto file = pipeline::load_tokens(options.tokens);
    if (file.mismatch) job.warnings.push_back(*file.mismatch);
    composition = std::move(file.composition);
    // A given prompt does not take the settings of the file.
    takes_recipe = !options.prompt && !options.prompt_file && file.recipe;
    if (file.recipe) job.drawn_by = std::move(file.recipe->model);
    if (takes_recipe) request = std::move(file.recipe->request);
  }
  if (options.prompt) request.prompt = *options.prompt;
  if (options.prompt_file) request.prompt = read_prompt_file(*options.prompt_file);
  if (!options.texts.empty()) request.texts = options.texts;
  if (options.size) std::tie(request.width, request.height) = parse_size(*options.size);
  if (options.reference_pixels) request.reference_pixels = *options.reference_pixels;
  apply(options.denoising, request);
  if (options.temperature) request.temperature = options.temperature;
  if (options.top_p) request.top_p = options.top_p;
  if (options.glyph_rules) request.glyph_rules = pipeline::glyph_rules_named(*options.glyph_rules);
  request.count = options.count;
  request.verify = options.verify;
  request.best_of = options.best_of;
  if (options.seed) {
    request.seed = *options.seed;
  } else if (!takes_recipe) {
    request.seed = std::random_device()();
  }
  if (composition) request.composition = std::move(composition);
  if (takes_recipe && options.loras.loras.empty()) {
    const auto& source = options.like.empty() ? options.tokens : options.like;
    job.adapters = find_adapters(*request.adapters, options.loras, source);
  } else {
    job.adapters = given_adapters(options.loras);
    request.adapters.reset();
  }
  request.draft = options.draft;
  return job;
}

DrawJob make_job(const DrawOptions& options) {
  auto job = read_settings(options);
  for (const auto& path : options.images)
    job.request.condition_images.push_back(image::read_image(path, {}, &job.warnings));
  return job;
}

}  // namespace glm_image::cli
