#include "cli/batch_run.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "cli/batch_adapters.h"
#include "cli/batch_file.h"
#include "cli/batch_folder.h"
#include "cli/batch_item.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/picture_errors.h"
#include "cli/progress_display.h"
#include "cli/status_line.h"
#include "cli/text_report.h"
#include "cli/translation.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/seconds_since.h"
#include "image/codec.h"
#include "image/resize.h"
#include "io/json_text.h"
#include "io/shown.h"
#include "pipeline/learned_rates.h"
#include "pipeline/picture_metadata.h"
#include "pipeline/request_values.h"
#include "pipeline/text_checks.h"
#include "reading/text_verifier.h"

namespace glm_image::cli {
namespace {

namespace fs = std::filesystem;

using Clock = ProgressDisplay::Clock;

PipelineOptions batch_pipeline_options(const BatchOptions& options) {
  auto pipeline = pipeline_options(options.model);
  pipeline.adapters = given_adapters(options.loras);
  pipeline.adapter_folder = options.loras.folder;
  pipeline.residency = Residency::kAuto;  // the weights serve many requests
  pipeline.verifier = reading::make_text_verifier();
  return pipeline;
}

using Item = BatchItem;
using State = BatchItem::State;

class Batch {
 public:
  explicit Batch(const BatchOptions& options)
      : options_(options),
        file_(read_file()),
        pipeline_(load_pipeline(options.model, batch_pipeline_options(options))),
        adapters_(pipeline_.info().adapters),
        rates_(pipeline_.info(), pipeline_options(options.model).threads) {}

  void run();

 private:
  /// Reads the lines, before the model. Throws kInvalidInput if none of them is right.
  BatchFile read_file() const;
  /// Prints the lines that are wrong.
  void tell_faults(const std::vector<BatchFault>& faults) const;
  [[noreturn]] void refuse_all(int64_t lines) const;
  /// Checks the lines. Those that are wrong become items that failed.
  void read_lines();
  /// Throws what is wrong with the line's request.
  void check(Item& item);
  void warn() const;
  void draw_all();
  void draw(Item& item);
  /// Prints which texts of a line's pictures are not right.
  void tell_texts(const Item& item) const;
  void write(Item& item, const Request& request, int64_t references, const Result& result) const;
  void show(const Item& item, const Progress& progress, std::optional<double> left);
  std::optional<double> seconds_of_waiting() const;
  int64_t count(State state) const;
  std::string shown(const Item& item) const;
  void finish();

  const BatchOptions& options_;
  BatchFile file_;
  Pipeline pipeline_;
  BatchAdapters adapters_;
  pipeline::LearnedRates rates_;
  std::vector<Item> items_;
  std::optional<BatchFolder> folder_;
  std::vector<fs::path> sheets_;
  StatusLine status_;
};

int64_t Batch::count(State state) const {
  return count_items(items_, state);
}

/// "line 3 (2 of 40)"
std::string Batch::shown(const Item& item) const {
  const auto drawn = static_cast<int64_t>(items_.size()) - count(State::kWaiting);
  const auto place = drawn + (item.state == State::kWaiting ? 1 : 0);
  return tr(
      "line %1 (%2 of %3)",
      {std::to_string(item.line.number), std::to_string(place), std::to_string(items_.size())});
}

/// Each warning once, with the lines to draw that have it.
void Batch::warn() const {
  if (options_.quiet) return;
  std::map<std::string, std::vector<int64_t>> lines;  // by warning
  for (const auto& item : items_) {
    if (item.state != State::kWaiting) continue;
    for (const auto& warning : item.warnings) lines[warning].push_back(item.line.number);
  }
  for (const auto& [warning, numbers] : lines) {
    constexpr std::size_t kTold = 10;
    std::string told;
    for (std::size_t i = 0; i < std::min(numbers.size(), kTold); ++i) {
      told += concat(told.empty() ? "" : ", ", numbers[i]);
    }
    if (numbers.size() > kTold)
      told += tr(" and %1 more", {std::to_string(numbers.size() - kTold)});
    const auto about =
        tr(numbers.size() == 1 ? "line %1: %2" : "lines %1: %2", {told, translated(warning)});
    std::cerr << tr("warning: %1", {io::printable(about)}) << '\n';
  }
}

void Batch::check(Item& item) {
  adapters_.require(item.line);
  auto request = item.line.request;
  request.condition_images = read_references(item.line, item.warnings);
  try {
    item.checked = pipeline_.check(request);
  } catch (const Error& error) {
    throw with_picture_file(error, item.line.references);
  }
  if (auto other = pipeline::other_model(item.line.drawn_by, pipeline_.info())) {
    item.warnings.push_back(std::move(*other));
  }
  for (const auto& warning : pipeline_.warnings(item.checked)) {
    item.warnings.push_back(warning.message);
  }
  item.checked.condition_images.clear();
  item.line.fingerprint = fingerprint_of(item.line, pipeline_.info().name);
  item.line.fingerprint = adapters_.fingerprint(item.line, *item.checked.adapters);
}

BatchFile Batch::read_file() const {
  auto file = read_batch_file(options_.file);
  tell_faults(file.faults);
  if (file.lines.empty()) refuse_all(static_cast<int64_t>(file.faults.size()));
  return file;
}

void Batch::tell_faults(const std::vector<BatchFault>& faults) const {
  for (const auto& fault : faults) {
    std::cerr << "glm-image: " << io::printable(translated(fault.error.what())) << '\n';
  }
}

void Batch::refuse_all(int64_t lines) const {
  fail(ErrorCode::kInvalidInput,
       options_.file,
       ": nothing was drawn; lines that are wrong: ",
       lines);
}

void Batch::read_lines() {
  const auto add_failed = [this](BatchLine line, const BatchFault& fault) {
    items_.emplace_back();
    items_.back().line = std::move(line);
    items_.back().line.number = fault.number;
    items_.back().state = State::kFailed;
    items_.back().error = fault.error.what();
  };
  for (const auto& fault : file_.faults) add_failed({}, fault);
  std::vector<BatchFault> faults;
  for (auto& line : file_.lines) {
    Item item;
    item.line = std::move(line);
    try {
      check(item);
      items_.push_back(std::move(item));
    } catch (const Error& error) {
      faults.push_back({item.line.number, error_of_line(error, item.line.place)});
      add_failed(std::move(item.line), faults.back());
    }
    if (interrupted_by() != 0) fail(ErrorCode::kCancelled, "stopped");
  }
  tell_faults(faults);
  const auto wrong = count(State::kFailed);
  const bool is_none_right = wrong == static_cast<int64_t>(items_.size());
  if (is_none_right || (options_.only_check && wrong > 0)) refuse_all(wrong);
  std::sort(items_.begin(), items_.end(), [](const Item& one, const Item& other) {
    return one.line.number < other.line.number;
  });
}

/// Predicted seconds of the lines that wait, without the running one.
std::optional<double> Batch::seconds_of_waiting() const {
  double sum = 0;
  bool is_first = true;
  for (const auto& item : items_) {
    if (item.state != State::kWaiting) continue;
    if (std::exchange(is_first, false)) continue;
    const auto seconds = rates_.estimate().seconds(item.checked);
    if (!seconds) return std::nullopt;
    sum += *seconds;
  }
  return sum;
}

void Batch::show(const Item& item, const Progress& progress, std::optional<double> left) {
  if (options_.quiet) return;
  status_.show(concat(shown(item),
                      ": ",
                      tr(stage_name(progress.stage)),
                      " ",
                      steps_text(progress),
                      left ? tr(", all done in about %1", {clock_text(*left)}) : std::string()),
               /*last=*/false);
}

void Batch::write(Item& item,
                  const Request& request,
                  int64_t references,
                  const Result& result) const {
  image::EncodeOptions encode;
  encode.quality = options_.quality;
  pipeline::add_source_mark(/*is_edit=*/references > 0, encode);
  for (std::size_t i = 0; i < result.pictures.size(); ++i) {
    const auto& picture = result.pictures[i];
    auto recipe = pipeline::recipe_of(request, references, picture, pipeline_.info());
    recipe.file_width = item.line.file_width;
    recipe.file_height = item.line.file_height;
    if (options_.metadata) pipeline::add_parameters(recipe, encode);
    const auto& drawn = picture.image;
    image::write_image(item.files[i],
                       recipe.file_width == 0
                           ? drawn
                           : image::resize_lanczos(drawn, recipe.file_width, recipe.file_height),
                       encode);
    item.seeds.push_back(picture.seed);
    if (!pipeline::wants_verification(request)) continue;
    item.verification.push_back(
        pipeline::checks_in_file(picture, recipe.file_width, recipe.file_height));
  }
}

void Batch::draw(Item& item) {
  auto request = item.line.request;
  if (!item.line.has_seed) request.seed = std::random_device()();
  std::vector<std::string> noticed;  // the check told the same
  request.condition_images = read_references(item.line, noticed);
  const auto references = static_cast<int64_t>(request.condition_images.size());
  request = pipeline_.check(request);
  const auto waiting = seconds_of_waiting();
  pipeline::TimeLeft time_left(rates_.estimate(), request);
  std::optional<Stage> stage;
  auto began = Clock::now();
  const auto result = pipeline_.generate(request, [&](const Progress& progress) {
    if (stage != progress.stage) began = Clock::now();
    stage = progress.stage;
    auto left = time_left.seconds(progress, seconds_since(began));
    if (left) left = waiting ? std::optional(*left + *waiting) : std::nullopt;
    show(item, progress, left);
    return interrupted_by() == 0;
  });
  rates_.learn(request, result);
  request.condition_images.clear();
  write(item, request, references, result);
  for (const auto& warning : pipeline::text_warnings(result)) {
    item.warnings.push_back(warning.message);
  }
}

void Batch::tell_texts(const Item& item) const {
  if (options_.quiet) return;
  for (std::size_t i = 0; i < item.verification.size(); ++i) {
    print_checks(item.files[i].string(), item.verification[i], /*only_wrong=*/true);
  }
}

void Batch::draw_all() {
  for (auto& item : items_) {
    if (item.state != State::kWaiting) continue;
    if (interrupted_by() != 0) fail(ErrorCode::kCancelled, "stopped");
    const auto began = Clock::now();
    try {
      draw(item);
      item.state = State::kDone;
    } catch (const Error& error) {
      // After an interrupt nothing more is drawn; what cannot be written now cannot be later.
      if (error.code() == ErrorCode::kCancelled || error.code() == ErrorCode::kOutput) throw;
      item.state = State::kFailed;
      item.error = error.what();
    }
    item.seconds = seconds_since(began);
    const bool failed = item.state == State::kFailed;
    if (failed || !options_.quiet) {
      const auto result = failed ? tr("failed: %1", {translated(item.error)})
                                 : tr("done in %1", {clock_text(item.seconds)});
      status_.show(shown(item) + ": " + result, /*last=*/true);
    }
    tell_texts(item);
    if (failed || options_.json) continue;
    for (const auto& file : item.files) std::cout << file.string() << '\n';
    std::cout << std::flush;
  }
}

void Batch::finish() {
  const auto json =
      io::json_text(batch_summary(options_.file, pipeline_.info().name, items_, sheets_), 2) + "\n";
  write_file_atomically(folder_->path() / "summary.json", json);
  if (options_.json) {
    std::cout << json;
  } else if (!options_.quiet) {
    std::cerr << tr("drawn now: %1, drawn earlier: %2, failed: %3",
                    {std::to_string(count(State::kDone)),
                     std::to_string(count(State::kSkipped)),
                     std::to_string(count(State::kFailed))})
              << '\n';
    for (const auto& sheet : sheets_) {
      std::cerr << tr("contact sheet: %1", {sheet.string()}) << '\n';
    }
  }
}

void Batch::run() {
  read_lines();
  if (options_.only_check) {
    warn();
    if (!options_.quiet) {
      std::cerr << tr("%1: requests: %2", {options_.file, std::to_string(items_.size())}) << '\n';
    }
    return;
  }
  folder_.emplace(options_.folder, "." + options_.format);
  check_writable(folder_->path() / "summary.json");
  for (auto& item : items_) {
    if (item.state == State::kFailed) continue;
    item.files = folder_->files_of(item.line);
    if (folder_->is_done(item.line)) item.state = State::kSkipped;
  }
  warn();
  try {
    draw_all();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) {
      finish();
      if (!options_.quiet) std::cerr << tr("run the same command again to draw the rest") << '\n';
    }
    throw;
  }
  std::vector<std::pair<int64_t, fs::path>> pictures;
  for (const auto& item : items_) {
    if (item.state == State::kFailed) continue;
    for (const auto& file : item.files) pictures.emplace_back(item.line.number, file);
  }
  if (!pictures.empty()) sheets_ = write_contact_sheets(folder_->path(), pictures);
  finish();
  if (count(State::kFailed) == 0) return;
  std::string numbers;
  for (const auto& item : items_) {
    if (item.state != State::kFailed) continue;
    numbers += concat(numbers.empty() ? "" : ", ", item.line.number);
  }
  fail(ErrorCode::kInternal,
       options_.file,
       ": lines that failed: ",
       numbers,
       "; run the same command again to try them again");
}

}  // namespace

void run_batch(const BatchOptions& options) {
  Batch(options).run();
}

}  // namespace glm_image::cli
