#include "pipeline/duration_estimate.h"

#include <algorithm>
#include <cmath>

#include "pipeline/request_values.h"
#include "pipeline/speed.h"
#include "text/grid.h"

namespace glm_image::pipeline {
namespace {

constexpr double kWeightOfTheLatest = 0.3;
/// Pixels of a patch of the published transformer; other sizes change the rate.
constexpr double kPixelsOfAPatch = 256;
constexpr double kPixelsOfAToken = text::kTokenSide * text::kTokenSide;
/// Time of a token that the generator reads, relative to one that it writes, roughly: it reads many
/// together, so that each weight is fetched once for all of them.
constexpr double kReadToken = 1.0 / 16;
/// Time of a pixel in the vision encoder and the VAE's encoder, relative to the VAE's decoder
/// (docs/performance.md: 48 s and 70 s for 1024×1024).
constexpr double kReadPixel = 0.7;
/// Keys at which attention takes the vision encoder as many operations as its matrices, as
/// DurationEstimate::kAttentionTokens.
constexpr double kVisionAttentionTokens = 6 * 1536;

/// Pixels in which a part's work is counted. Attention to `keys` patches makes those of an
/// evaluation count more than once.
double with_attention(double pixels, double keys, double attention_tokens) {
  return pixels * (1 + keys / attention_tokens);
}

text::Grid preview_of(const Request& request) {
  return text::preview_grid(text::target_grid(request.height, request.width));
}

/// Pixels of one painted picture; for a draft, of its preview grid.
double pixels_of_one(const Request& request) {
  return request.draft ? static_cast<double>(preview_of(request).size()) * kPixelsOfAToken
                       : static_cast<double>(request.width * request.height);
}

double painted_pixels(const Request& request, double /*attention_tokens*/) {
  return pixels_of_one(request) * static_cast<double>(request.count);
}

std::vector<double> condition_pixels(const Request& request) {
  std::vector<double> pixels;
  for (const auto& size : request.condition_sizes) {
    pixels.push_back(static_cast<double>(size.width * size.height));
  }
  return pixels;
}

/// Evaluations with the condition attend to the condition pictures too; those without, which
/// guidance adds, do not. A transformer also reads each condition picture once.
double denoised_pixels(const Request& request, double attention_tokens) {
  const double steps = request.draft ? static_cast<double>(kDraftSteps)
                                     : static_cast<double>(request.steps.value_or(1));
  const double evaluations = request.draft
                                 ? steps
                                 : static_cast<double>(diffusion::evaluations(
                                       sampling_options(request), request.steps.value_or(1)));
  const double one = pixels_of_one(request), own_keys = one / kPixelsOfAPatch;
  double condition_keys = 0, reading = 0;
  for (const double pixels : condition_pixels(request)) {
    condition_keys += pixels / kPixelsOfAPatch;
    reading += with_attention(pixels, pixels / kPixelsOfAPatch, attention_tokens);
  }
  const double of_one = steps * with_attention(one, own_keys + condition_keys, attention_tokens) +
                        (evaluations - steps) * with_attention(one, own_keys, attention_tokens);
  return of_one * static_cast<double>(request.count) + reading;
}

/// Pixels that the vision encoder and the VAE read.
double read_pixels(const Request& request, double /*attention_tokens*/) {
  double sum = 0;
  for (const double pixels : condition_pixels(request)) {
    sum += with_attention(pixels, pixels / kPixelsOfAToken, kVisionAttentionTokens);
  }
  return sum;
}

/// Visual tokens that the generator writes, plus those that it reads with a smaller weight.
double tokens(const Request& request, double /*attention_tokens*/) {
  if (request.composition && !request.composition->is_draft()) return 0;
  auto sum = static_cast<double>(written_tokens(request));
  for (const double pixels : condition_pixels(request)) {
    sum += kReadToken * pixels / kPixelsOfAToken;
  }
  return sum;
}

double always_one(const Request& /*request*/, double /*attention_tokens*/) {
  return 1;
}

/// A part of the time, which grows with its units.
struct Part {
  const char* name;
  Stage stage;  ///< the one that is measured; of the last part, all others
  double (*units)(const Request& request, double attention_tokens);
};

constexpr std::array<Part, DurationEstimate::kPartCount> kParts = {{
    {"read_pixel", Stage::kReadingPictures, read_pixels},
    {"token", Stage::kImageTokens, tokens},
    {"denoised_pixel", Stage::kDenoising, denoised_pixels},
    {"decoded_pixel", Stage::kDecoding, painted_pixels},
    {"rest", Stage::kReadingWeights, always_one},
}};

size_t part_of(Stage stage) {
  for (size_t i = 0; i + 1 < kParts.size(); ++i) {
    if (kParts[i].stage == stage) return i;
  }
  return kParts.size() - 1;
}

bool is_rated(Stage stage) {
  return part_of(stage) + 1 < kParts.size();
}

}  // namespace

DurationEstimate DurationEstimate::from_json(const io::Json& json, double attention_tokens) {
  DurationEstimate estimate(attention_tokens);
  for (size_t i = 0; i < kParts.size(); ++i) {
    const char* const name = kParts[i].name;
    if (!json.is_object() || !json.contains(name) || !json.at(name).is_number()) continue;
    const double value = json.at(name).get<double>();
    if (value > 0 && std::isfinite(value)) estimate.rates_[i] = {value, true};
  }
  return estimate;
}

io::Json DurationEstimate::to_json() const {
  auto json = io::Json::object();
  for (size_t i = 0; i < kParts.size(); ++i) {
    if (rates_[i].known) json[kParts[i].name] = rates_[i].seconds_per_unit;
  }
  return json;
}

void DurationEstimate::Rate::learn(double seconds, double units) {
  if (units <= 0) return;
  const double latest = seconds / units;
  seconds_per_unit =
      known ? (1 - kWeightOfTheLatest) * seconds_per_unit + kWeightOfTheLatest * latest : latest;
  known = true;
}

std::optional<double> DurationEstimate::seconds(const Request& request, Stage stage) const {
  const size_t part = part_of(stage);
  const double units = kParts[part].units(request, attention_tokens_);
  if (units == 0) return 0;
  if (rates_[part].known) return rates_[part].seconds_per_unit * units;
  const auto& decoding = rates_[part_of(Stage::kDecoding)];
  if (stage != Stage::kReadingPictures || !decoding.known) return std::nullopt;
  return kReadPixel * decoding.seconds_per_unit * units;
}

std::optional<double> DurationEstimate::seconds(const Request& request) const {
  double sum = 0;
  for (const auto& part : kParts) {
    const auto its = seconds(request, part.stage);
    if (!its) return std::nullopt;
    sum += *its;
  }
  return sum;
}

void DurationEstimate::learn(const Request& request, const Result& result) {
  std::array<std::optional<double>, kParts.size()> seconds;
  seconds.back() = 0;
  for (const auto& stage : result.stages) {
    auto& sum = seconds[part_of(stage.stage)];
    sum = sum.value_or(0) + stage.seconds;
  }
  for (size_t i = 0; i < kParts.size(); ++i) {
    if (!seconds[i]) continue;
    // A candidate takes the units of a picture in the stages that paint it.
    const bool is_painted =
        kParts[i].stage == Stage::kDenoising || kParts[i].stage == Stage::kDecoding;
    const auto times = is_painted ? std::max<int64_t>(result.candidates, 1) : 1;
    const double units = kParts[i].units(request, attention_tokens_);
    rates_[i].learn(*seconds[i], units * static_cast<double>(times));
  }
}

TimeLeft::TimeLeft(const DurationEstimate& estimate, const Request& request)
    : estimate_(estimate), request_(request) {}

std::optional<double> TimeLeft::left_of(Stage stage, std::optional<double> at_pace) const {
  const auto expected = estimate_.seconds(request_, stage);
  const bool is_present = stage == present_;
  const auto has_begun = [this](Stage other) { return begun_.count(other) != 0; };
  if (stage == Stage::kReadingPictures) {
    // It runs twice: before the tokens for the vision encoder, and after them for the VAE.
    if (has_begun(Stage::kDenoising)) return 0;
    if (is_present && at_pace && has_begun(Stage::kImageTokens)) return at_pace;
    if (!expected) return std::nullopt;
    const auto earlier = spent_.find(stage);
    const double spent =
        (earlier == spent_.end() ? 0 : earlier->second) + (is_present ? present_elapsed_ : 0);
    return std::max(*expected - spent, 0.0);
  }
  if (!is_present) {
    const bool is_over = std::any_of(begun_.begin(), begun_.end(), [stage](Stage other) {
      return is_rated(other) && part_of(other) >= part_of(stage);
    });
    return is_over ? 0 : expected;
  }
  if (at_pace) return at_pace;
  if (!expected) return std::nullopt;
  constexpr double kMuchLonger = 2, kSeconds = 10;
  if (present_elapsed_ > kMuchLonger * *expected + kSeconds) return std::nullopt;
  return std::max(*expected - present_elapsed_, 0.0);
}

std::optional<double> TimeLeft::seconds(const Progress& now, double elapsed) {
  const auto at_pace = pace_.seconds_left(now, elapsed);
  const bool begins_again = present_ == now.stage && elapsed < present_elapsed_;
  if (present_ && (present_ != now.stage || begins_again)) spent_[*present_] += present_elapsed_;
  present_ = now.stage;
  present_elapsed_ = elapsed;
  begun_.insert(now.stage);
  double left = is_rated(now.stage) ? 0 : at_pace.value_or(0);
  for (const auto& part : kParts) {
    if (!is_rated(part.stage)) continue;
    const auto its = left_of(part.stage, at_pace);
    if (!its) return std::nullopt;
    left += *its;
  }
  return left;
}

}  // namespace glm_image::pipeline
