#include "io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace glm_image::io {

MappedFile::MappedFile(std::filesystem::path path, std::byte* data, uint64_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

std::shared_ptr<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a pipe would wait for whoever writes into it.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    fail(ErrorCode::kNotFound, path.string(), ": cannot be opened: ", std::strerror(errno));
  }
  struct stat status = {};
  const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  const auto size = static_cast<uint64_t>(status.st_size);
  void* data = nullptr;
  if (regular && size > 0) {
    // MAP_NORESERVE: a checkpoint larger than the memory may still be mapped.
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

}  // namespace glm_image::io
