#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace glm_image::cli {

/// Has the desktop open a page in the user's browser, by `xdg-open`. That process is independent of
/// this one: it gets no signals of its terminal, inherits no files, and may outlive it.
class PageOpening {
 public:
  /// Starts it, unless there is no graphical session. There, `xdg-open` might start a browser that
  /// takes over the terminal.
  explicit PageOpening(const std::string& url);

  /// Returns once why the page was not opened, in the user's language. Does not wait.
  std::optional<std::string> failure();

 private:
  pid_t child_ = 0;  ///< 0 if it has not started or has ended
  std::optional<std::string> failure_;
};

}  // namespace glm_image::cli
