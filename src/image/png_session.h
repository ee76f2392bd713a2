#pragma once

#include <png.h>

#include <csetjmp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace glm_image::image {

/// libpng reports an error with longjmp, which runs no destructors. Therefore every call of libpng
/// is made inside run(), in a function object that owns nothing; the caller of run() owns all
/// resources.
class PngSession {
 public:
  PngSession(const PngSession&) = delete;
  PngSession& operator=(const PngSession&) = delete;

 protected:
  PngSession() = default;
  ~PngSession() = default;

  /// Returns false if libpng reported an error; message() then returns it.
  template <typename Body>
  [[gnu::noinline]] bool run(const Body& body) {
    static_assert(std::is_trivially_destructible_v<Body>);
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    body(png_, info_);
    return true;
  }

  const char* message() const { return message_; }

  static void on_error(png_structp png, png_const_charp message);
  static void on_warning(png_structp png, png_const_charp message);

  png_structp png_ = nullptr;
  png_infop info_ = nullptr;

 private:
  char message_[256] = {};
};

/// Reads a PNG file in memory. Throws kCorruptFile if libpng reports an error.
class PngReader : public PngSession {
 public:
  /// Keeps references to both arguments.
  PngReader(std::string_view bytes, const std::string& name);
  ~PngReader();

  template <typename Body>
  void read(const Body& body) {
    if (!run(body)) fail_corrupt();
  }

 private:
  static void on_read(png_structp png, png_bytep data, size_t size);
  [[noreturn]] void fail_corrupt() const;

  std::string_view rest_;
  const std::string& name_;
};

/// Writes a PNG file to memory. Throws kInternal if libpng reports an error.
class PngWriter : public PngSession {
 public:
  PngWriter();
  ~PngWriter();

  template <typename Body>
  void write(const Body& body) {
    if (!run(body)) fail_output();
  }

  std::string take_bytes() { return std::move(bytes_); }

 private:
  static void on_write(png_structp png, png_bytep data, size_t size);
  static void on_flush(png_structp) {}
  [[noreturn]] void fail_output() const;

  std::string bytes_;
};

}  // namespace glm_image::image
