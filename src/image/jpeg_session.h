#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <string>
#include <type_traits>
// Last, because it uses FILE and size_t without including their headers.
#include <jpeglib.h>

namespace glm_image::image {

/// libjpeg reports an error by calling a function that must not return. The one here jumps back
/// into run() with longjmp, which runs no destructors. Therefore every call of libjpeg is made
/// inside run(), in a function object that owns nothing; the caller of run() owns all resources.
class JpegErrors {
 public:
  JpegErrors();
  JpegErrors(const JpegErrors&) = delete;
  JpegErrors& operator=(const JpegErrors&) = delete;

  /// The pointer for the err member of a (de)compress struct.
  jpeg_error_mgr* manager() { return &manager_.base; }

  /// Returns false if libjpeg reported an error, or a warning that pixels are missing.
  template <typename Body>
  [[gnu::noinline]] bool run(const Body& body) {
    static_assert(std::is_trivially_destructible_v<Body>);
    if (setjmp(manager_.jump) != 0) return false;
    body();
    return true;
  }

  /// The error that ended run(): libjpeg's message, or the one given to stop().
  std::string message(j_common_ptr info) const;
  /// Whether the file is valid, but of a kind that libjpeg does not support.
  bool is_unsupported() const;

  /// Ends run() from within a callback of libjpeg. `message` must outlive this object.
  [[noreturn]] static void stop(j_common_ptr info, const char* message);

 private:
  // libjpeg sees only the base; callbacks cast it back to the whole.
  struct Manager {
    jpeg_error_mgr base;
    std::jmp_buf jump;
    const char* own_message;
  };

  [[noreturn]] static void on_error(j_common_ptr info);
  static void on_message(j_common_ptr info, int level);
  static Manager& manager_of(j_common_ptr info);

  Manager manager_ = {};
};

}  // namespace glm_image::image
