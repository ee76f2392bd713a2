#include "image/png_session.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>

#include "core/error.h"

namespace glm_image::image {

void PngSession::on_error(png_structp png, png_const_charp message) {
  auto& session = *static_cast<PngSession*>(png_get_error_ptr(png));
  const auto size = std::min(std::strlen(message), sizeof session.message_ - 1);
  std::memcpy(session.message_, message, size);
  session.message_[size] = '\0';
  png_longjmp(png, 1);
}

void PngSession::on_warning(png_structp, png_const_charp) {}

PngReader::PngReader(std::string_view bytes, const std::string& name) : rest_(bytes), name_(name) {
  png_ = png_create_read_struct(
      PNG_LIBPNG_VER_STRING, static_cast<PngSession*>(this), on_error, on_warning);
  if (png_ == nullptr) throw std::bad_alloc();
  info_ = png_create_info_struct(png_);
  if (info_ == nullptr) {
    png_destroy_read_struct(&png_, nullptr, nullptr);
    throw std::bad_alloc();
  }
  png_set_read_fn(png_, this, on_read);
  // make_image checks the size; a message about libpng's own limit would not name the limit.
  png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
}

PngReader::~PngReader() {
  png_destroy_read_struct(&png_, &info_, nullptr);
}

void PngReader::on_read(png_structp png, png_bytep data, size_t size) {
  auto& rest = static_cast<PngReader*>(png_get_io_ptr(png))->rest_;
  if (size > rest.size()) png_error(png, "it ends too early");
  std::memcpy(data, rest.data(), size);
  rest.remove_prefix(size);
}

void PngReader::fail_corrupt() const {
  fail(ErrorCode::kCorruptFile, name_, ": is a damaged PNG file: ", message());
}

PngWriter::PngWriter() {
  png_ = png_create_write_struct(
      PNG_LIBPNG_VER_STRING, static_cast<PngSession*>(this), on_error, on_warning);
  if (png_ == nullptr) throw std::bad_alloc();
  info_ = png_create_info_struct(png_);
  if (info_ == nullptr) {
    png_destroy_write_struct(&png_, nullptr);
    throw std::bad_alloc();
  }
  png_set_write_fn(png_, this, on_write, on_flush);
}

PngWriter::~PngWriter() {
  png_destroy_write_struct(&png_, &info_);
}

void PngWriter::on_write(png_structp png, png_bytep data, size_t size) {
  auto& bytes = static_cast<PngWriter*>(png_get_io_ptr(png))->bytes_;
  bool appended = true;
  try {
    bytes.append(reinterpret_cast<const char*>(data), size);
  } catch (const std::exception&) {
    appended = false;  // exceptions must not pass through libpng, which is C
  }
  if (!appended) png_error(png, "out of memory");
}

void PngWriter::fail_output() const {
  fail(ErrorCode::kInternal, "the picture cannot be encoded as PNG: ", message());
}

}  // namespace glm_image::image
