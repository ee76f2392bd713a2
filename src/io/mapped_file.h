#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

namespace glm_image::io {

/// A regular file mapped into memory: pages are read on access and dropped under memory pressure.
///
/// The mapping is private and writable, so a write through it stays in this process and never
/// reaches the file. The file must not shrink while it is mapped (the kernel would raise SIGBUS).
class MappedFile {
 public:
  /// Throws kNotFound if it cannot be opened, kCorruptFile if it is not a regular file.
  static std::shared_ptr<MappedFile> open(const std::filesystem::path& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::byte* data() const { return data_; }
  uint64_t size() const { return size_; }
  std::string_view bytes() const { return {reinterpret_cast<const char*>(data_), size_}; }
  const std::filesystem::path& path() const { return path_; }

  /// Asks the kernel to read [begin, end) now. A hint: it never fails.
  void prefetch(uint64_t begin, uint64_t end) const;
  /// Lets the pages that lie within [begin, end) go from this process's memory: they are read again
  /// when touched. Nothing may have been written there.
  void release(uint64_t begin, uint64_t end) const;
  /// Asks the kernel to drop these pages from its cache of files too, after `release`. For files
  /// that memory cannot hold: their pages would push out others that are needed sooner. A hint: it
  /// never fails.
  void drop_cached(uint64_t begin, uint64_t end) const;

 private:
  MappedFile(std::filesystem::path path, std::byte* data, uint64_t size);

  std::filesystem::path path_;
  std::byte* data_;
  uint64_t size_;
};

}  // namespace glm_image::io
