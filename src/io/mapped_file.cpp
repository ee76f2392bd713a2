#include "io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/broken_link.h"
#include "core/error.h"
#include "core/file_descriptor.h"

namespace glm_image::io {

MappedFile::MappedFile(std::filesystem::path path, std::byte* data, uint64_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

std::shared_ptr<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a pipe would otherwise wait for a writer.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    const auto broken = describe_broken_link(path);
    if (!broken.empty()) fail(ErrorCode::kNotFound, path.string(), ": ", broken);
    fail(ErrorCode::kNotFound, path.string(), ": cannot be opened: ", std::strerror(errno));
  }
  struct stat status = {};
  const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  const auto size = static_cast<uint64_t>(status.st_size);
  void* data = nullptr;
  if (regular && size > 0) {
    // MAP_NORESERVE allows a checkpoint that is larger than memory.
    data = ::mmap(
        nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, /*offset=*/0);
  }
  const int map_error = errno;
  ::close(file);
  if (!regular) fail(ErrorCode::kCorruptFile, path.string(), ": is not a regular file");
  if (data == MAP_FAILED) {
    fail(ErrorCode::kOutOfMemory, path.string(), ": cannot be mapped: ", std::strerror(map_error));
  }
  return std::shared_ptr<MappedFile>(new MappedFile(path, static_cast<std::byte*>(data), size));
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

void MappedFile::prefetch(uint64_t begin, uint64_t end) const {
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  begin -= begin % page;
  end = std::min(end, size_);
  if (begin < end) ::madvise(data_ + begin, end - begin, MADV_WILLNEED);
}

void MappedFile::release(uint64_t begin, uint64_t end) const {
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  begin = (begin + page - 1) / page * page;
  end = std::min(end, size_) / page * page;
  if (begin < end) ::madvise(data_ + begin, end - begin, MADV_DONTNEED);
}

void MappedFile::drop_cached(uint64_t begin, uint64_t end) const {
  // Few files are ever dropped: the mapping keeps no descriptor open for it.
  const FileDescriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number() < 0 || begin >= end) return;
  ::posix_fadvise(file.number(),
                  static_cast<off_t>(begin),
                  static_cast<off_t>(end - begin),
                  POSIX_FADV_DONTNEED);
}

}  // namespace glm_image::io
