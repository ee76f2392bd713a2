#include "image/jpeg_session.h"

#include <jerror.h>

namespace glm_image::image {

JpegErrors::JpegErrors() {
  jpeg_std_error(&manager_.base);
  manager_.base.error_exit = on_error;
  manager_.base.emit_message = on_message;
}

std::string JpegErrors::message(j_common_ptr info) const {
  if (manager_.own_message != nullptr) return manager_.own_message;
  char text[JMSG_LENGTH_MAX] = {};
  manager_.base.format_message(info, text);
  return text;
}

bool JpegErrors::is_unsupported() const {
  if (manager_.own_message != nullptr) return false;
  switch (manager_.base.msg_code) {
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_SOF_UNSUPPORTED:
      return true;
    default:
      return false;
  }
}

void JpegErrors::stop(j_common_ptr info, const char* message) {
  manager_of(info).own_message = message;
  std::longjmp(manager_of(info).jump, 1);
}

void JpegErrors::on_error(j_common_ptr info) {
  std::longjmp(manager_of(info).jump, 1);
}

// Levels from 0 on are traces. Harmless warnings (stray bytes between segments, an odd version
// number, …) occur in the files of real cameras. The warnings listed here mean that libjpeg
// continues with made-up pixels.
void JpegErrors::on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_ARITH_BAD_CODE:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
      on_error(info);
    default:
      return;
  }
}

JpegErrors::Manager& JpegErrors::manager_of(j_common_ptr info) {
  static_assert(offsetof(Manager, base) == 0);
  return *reinterpret_cast<Manager*>(info->err);
}

}  // namespace glm_image::image
