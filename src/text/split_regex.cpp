#include "text/split_regex.h"

#include <unicode/regex.h>
#include <unicode/utext.h>

#include <chrono>

#include "core/error.h"

namespace glm_image::text {
namespace {

constexpr std::size_t kMaxPatternBytes = 4096;
/// A megabyte of spaces takes 50 MB with the published pattern.
constexpr int32_t kMaxBacktrackBytes = 64 << 20;

/// Returns the limit in ICU's "milliseconds", units of 10000 backtracking steps. The published
/// pattern takes at most one unit for 600 bytes (of "1 1 1 …"). A separate time limit stops a
/// pattern that never backtracks but fails at every position of a long text.
int32_t backtracking_limit(std::size_t text_bytes) {
  return static_cast<int32_t>(1000 + text_bytes / 256);
}
constexpr std::chrono::seconds kMaxDuration{2};

using Clock = std::chrono::steady_clock;

UBool before_deadline(const void* deadline, int64_t /*position*/) {
  return Clock::now() < *static_cast<const Clock::time_point*>(deadline);
}

struct CloseText {
  void operator()(UText* text) const { utext_close(text); }
};

}  // namespace

SplitRegex::SplitRegex(const std::string& pattern, std::string source)
    : source_(std::move(source)) {
  if (pattern.size() > kMaxPatternBytes) {
    fail(ErrorCode::kUnsupported,
         source_,
         ": the split pattern has ",
         pattern.size(),
         " bytes, more than the ",
         kMaxPatternBytes,
         " supported");
  }
  // In Oniguruma the only line end is '\n', and '^' and '$' match at every line.
  constexpr uint32_t kOnigurumaLines = UREGEX_MULTILINE | UREGEX_UNIX_LINES;
  UErrorCode status = U_ZERO_ERROR;
  UParseError where{};
  pattern_.reset(icu::RegexPattern::compile(
      icu::UnicodeString::fromUTF8(pattern), kOnigurumaLines, where, status));
  if (U_FAILURE(status) || pattern_ == nullptr) {
    fail(ErrorCode::kUnsupported,
         source_,
         ": the split pattern cannot be compiled (",
         u_errorName(status),
         " at character ",
         where.offset,
         ")");
  }
}

std::vector<std::string_view> SplitRegex::split(std::string_view text) const {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<UText, CloseText> input(
      utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &status));
  const std::unique_ptr<icu::RegexMatcher> matcher(pattern_->matcher(status));
  const auto check = [&] {
    if (U_FAILURE(status)) {
      fail(ErrorCode::kUnsupported,
           source_,
           ": the split pattern fails on a text of ",
           text.size(),
           " bytes (",
           u_errorName(status),
           ")");
    }
  };
  check();
  matcher->reset(input.get());
  matcher->setTimeLimit(backtracking_limit(text.size()), status);
  const Clock::time_point deadline = Clock::now() + kMaxDuration;
  matcher->setFindProgressCallback(before_deadline, &deadline, status);
  matcher->setStackLimit(kMaxBacktrackBytes, status);
  check();

  std::vector<std::string_view> pieces;
  std::size_t done = 0;
  const auto add_up_to = [&](std::size_t end) {
    if (end > done) pieces.push_back(text.substr(done, end - done));
    done = end;
  };
  while (matcher->find(status)) {
    add_up_to(static_cast<std::size_t>(matcher->start64(status)));
    add_up_to(static_cast<std::size_t>(matcher->end64(status)));
    check();
  }
  check();
  add_up_to(text.size());
  return pieces;
}

}  // namespace glm_image::text
