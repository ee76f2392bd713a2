#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <string>
#include <type_traits>
// Last: it uses FILE and size_t without including what declares them.
#include <jpeglib.h>

namespace glm_image::image {

/// libjpeg reports an error by calling a function that must not return; ours jumps back into run(),
/// and a jump runs no destructors. So every call of libjpeg is made inside run(), in a function
/// object that owns nothing, and whatever must be destroyed lives in the caller of run().
class JpegErrors {
 public:
  JpegErrors();
  JpegErrors(const JpegErrors&) = delete;
  JpegErrors& operator=(const JpegErrors&) = delete;

  /// What the err member of a (de)compress struct must point to.
  jpeg_error_mgr* manager() { return &manager_.base; }

  /// False when libjpeg reported an error, or a warning that pixels are missing.
  template <typename Body>
  [[gnu::noinline]] bool run(const Body& body) {
    static_assert(std::is_trivially_destructible_v<Body>);
    if (setjmp(manager_.jump) != 0) return false;
    body();
    return true;
  }

  /// The fault that ended run(): libjpeg's words, or ours.
  std::string message(j_common_ptr info) const;
  /// The file is sound, but of a kind that libjpeg does not read.
  bool is_unsupported() const;

  /// Ends run() from within a callback of libjpeg. `message` must outlive this object.
  [[noreturn]] static void stop(j_common_ptr info, const char* message);

 private:
  // libjpeg knows the base only; callbacks find the rest behind it.
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
