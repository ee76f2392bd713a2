#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "image/jpeg_codec.h"
#include "image/jpeg_session.h"

namespace glm_image::image {
namespace {

constexpr int kFullColorQuality = 90;
constexpr std::size_t kChunkBytes = std::size_t{64} << 10;

/// A libjpeg destination that appends one chunk at a time to a string. (libjpeg's own in-memory
/// destination leaves a dangling pointer after an error.)
class StringDestination {
 public:
  StringDestination() {
    manager_.base.init_destination = on_start;
    manager_.base.empty_output_buffer = on_full;
    manager_.base.term_destination = on_end;
    manager_.destination = this;
  }
  StringDestination(const StringDestination&) = delete;
  StringDestination& operator=(const StringDestination&) = delete;

  jpeg_destination_mgr* manager() { return &manager_.base; }
  std::string take_bytes() { return std::move(bytes_); }

 private:
  struct Manager {
    jpeg_destination_mgr base;
    StringDestination* destination;
  };

  static Manager& manager_of(j_compress_ptr info) {
    static_assert(offsetof(Manager, base) == 0);
    return *reinterpret_cast<Manager*>(info->dest);
  }

  static void on_start(j_compress_ptr info) {
    auto& manager = manager_of(info);
    manager.base.next_output_byte = manager.destination->chunk_;
    manager.base.free_in_buffer = kChunkBytes;
  }

  static boolean on_full(j_compress_ptr info) {
    append(info, kChunkBytes);
    on_start(info);
    return TRUE;
  }

  static void on_end(j_compress_ptr info) {
    append(info, kChunkBytes - manager_of(info).base.free_in_buffer);
  }

  static void append(j_compress_ptr info, std::size_t size) {
    auto& destination = *manager_of(info).destination;
    bool appended = true;
    try {
      destination.bytes_.append(reinterpret_cast<const char*>(destination.chunk_), size);
    } catch (const std::exception&) {
      appended = false;  // exceptions must not pass through libjpeg, which is C
    }
    if (!appended) JpegErrors::stop(reinterpret_cast<j_common_ptr>(info), "out of memory");
  }

  Manager manager_ = {};
  std::string bytes_;
  JOCTET chunk_[kChunkBytes];
};

class JpegWriter {
 public:
  JpegWriter() {
    info_.err = errors_.manager();
    run([&] {
      jpeg_create_compress(&info_);
      info_.dest = destination_.manager();
    });
  }
  ~JpegWriter() { jpeg_destroy_compress(&info_); }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;

  template <typename Body>
  void run(const Body& body) {
    if (errors_.run(body)) return;
    fail(ErrorCode::kInternal,
         "the picture cannot be encoded as JPEG: ",
         errors_.message(reinterpret_cast<j_common_ptr>(&info_)));
  }

  jpeg_compress_struct& info() { return info_; }
  std::string take_bytes() { return destination_.take_bytes(); }

 private:
  JpegErrors errors_;
  StringDestination destination_;
  jpeg_compress_struct info_ = {};
};

/// Data of an APP1 segment: its two bytes of length count themselves.
constexpr std::size_t kMaxSegmentBytes = 0xFFFF - 2;

/// The data of the segments that hold the blocks.
std::vector<std::string> segments_of(const MetadataBlocks& blocks) {
  std::vector<std::string> segments;
  constexpr auto kPart = kMaxSegmentBytes - kExifName.size();
  for (std::size_t begin = 0; begin < blocks.exif.size(); begin += kPart) {
    segments.push_back(std::string(kExifName) + blocks.exif.substr(begin, kPart));
  }
  if (blocks.xmp.empty()) return segments;
  segments.push_back(std::string(kXmpName) + blocks.xmp);
  if (segments.back().size() > kMaxSegmentBytes) {
    fail(ErrorCode::kInvalidInput,
         "a JPEG file cannot hold an XMP packet of ",
         blocks.xmp.size(),
         " bytes; the maximum is ",
         kMaxSegmentBytes - kXmpName.size());
  }
  return segments;
}

}  // namespace

std::string encode_jpeg(const Image& image, int quality, const MetadataBlocks& blocks) {
  check_image(image);
  if (image.width > JPEG_MAX_DIMENSION || image.height > JPEG_MAX_DIMENSION) {
    fail(ErrorCode::kInvalidInput,
         "a JPEG file cannot hold ",
         image.width,
         "×",
         image.height,
         " pixels: a side has at most ",
         JPEG_MAX_DIMENSION);
  }
  const auto segments = segments_of(blocks);
  JpegWriter writer;
  auto& info = writer.info();
  writer.run([&] {
    info.image_width = static_cast<JDIMENSION>(image.width);
    info.image_height = static_cast<JDIMENSION>(image.height);
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, quality, /*force_baseline=*/TRUE);
    info.optimize_coding = TRUE;
    if (quality >= kFullColorQuality) {
      info.comp_info[0].h_samp_factor = 1;
      info.comp_info[0].v_samp_factor = 1;
    }
    jpeg_start_compress(&info, /*write_all_tables=*/TRUE);
    for (const auto& segment : segments) {
      jpeg_write_marker(&info,
                        JPEG_APP0 + 1,
                        reinterpret_cast<const JOCTET*>(segment.data()),
                        static_cast<unsigned>(segment.size()));
    }
    for (int64_t y = 0; y < image.height; ++y) {
      // libjpeg's row type is not const, but rows are only read.
      auto* row =
          const_cast<JSAMPROW>(&image.pixels[static_cast<std::size_t>(y * image.width * 3)]);
      jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
  });
  return writer.take_bytes();
}

}  // namespace glm_image::image
