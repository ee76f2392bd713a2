// Which pages of a mapped file are in memory.

#include "io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <vector>

#include "core/file_descriptor.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

constexpr uint64_t kMappedBytes = uint64_t{8} << 20;

/// Bytes of the mapping that are in this process's memory.
int64_t mapped_resident_bytes(const io::MappedFile& file) {
  std::ifstream in("/proc/self/smaps");
  std::string line;
  bool is_it = false;
  while (std::getline(in, line)) {
    if (line.find(file.path().string()) != std::string::npos) is_it = true;
    if (is_it && line.rfind("Rss:", 0) == 0) return std::stoll(line.substr(4)) * 1024;
  }
  return -1;
}

/// Bytes of a mapping of a file that are in the kernel's cache.
int64_t cached_bytes(const void* data, uint64_t size) {
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((size + page - 1) / page);
  if (::mincore(const_cast<void*>(data), size, pages.data()) != 0) return -1;
  int64_t cached = 0;
  for (const auto flags : pages) cached += (flags & 1) != 0 ? static_cast<int64_t>(page) : 0;
  return cached;
}

int64_t cached_bytes(const io::MappedFile& file) {
  return cached_bytes(file.data(), file.size());
}

/// Whether the system drops pages of files in this folder when asked to. Not in tmpfs, where a file
/// has no other place, and neither in an overlay of one.
bool drops_pages(const std::filesystem::path& folder) {
  const auto path = folder / "other";
  write_file(path, std::string(kMappedBytes, 'x'));
  const FileDescriptor file(::open(path.c_str(), O_RDONLY));
  ::fsync(file.number());
  if (::posix_fadvise(file.number(), 0, kMappedBytes, POSIX_FADV_DONTNEED) != 0) return false;
  void* data = ::mmap(nullptr, kMappedBytes, PROT_READ, MAP_SHARED, file.number(), 0);
  if (data == MAP_FAILED) return false;
  const auto cached = cached_bytes(data, kMappedBytes);
  ::munmap(data, kMappedBytes);
  return cached >= 0 && cached < static_cast<int64_t>(kMappedBytes / 10);
}

int64_t sum_of(const io::MappedFile& file) {
  int64_t sum = 0;
  for (const char byte : file.bytes()) sum += byte;
  return sum;
}

TEST(MappedFile, PagesLeaveTheProcessAndTheCacheAndComeBack) {
  const TemporaryDirectory folder;
  const auto path = folder.path() / "weights";
  write_file(path, std::string(kMappedBytes, 'x'));
  const FileDescriptor written(::open(path.c_str(), O_RDONLY));
  ::fsync(written.number());  // the kernel keeps pages that are not on the disk yet

  const auto file = io::MappedFile::open(path);
  const auto all = static_cast<int64_t>(kMappedBytes);
  EXPECT_EQ(sum_of(*file), all * 'x');
  EXPECT_EQ(mapped_resident_bytes(*file), all);
  file->release(0, kMappedBytes / 2);
  EXPECT_EQ(mapped_resident_bytes(*file), all / 2);
  file->release(0, kMappedBytes);
  EXPECT_EQ(mapped_resident_bytes(*file), 0);
  EXPECT_EQ(cached_bytes(*file), all);
  file->drop_cached(0, kMappedBytes);
  if (drops_pages(folder.path())) {
    EXPECT_LT(cached_bytes(*file), all / 10);
  }
  file->prefetch(0, kMappedBytes);
  EXPECT_EQ(sum_of(*file), all * 'x');
}

}  // namespace
}  // namespace glm_image::test
