#include "core/atomic_file.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include "support/test_support.h"

namespace glm_image {
namespace {

using test::expect_error;
using test::read_file;
using test::TemporaryDirectory;
using test::write_file;

int64_t entries(const std::filesystem::path& directory) {
  const std::filesystem::directory_iterator begin(directory), end;
  return std::distance(begin, end);
}

/// Files may not grow past `bytes` in this scope: what a full disk looks like to a program.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_ = {};
  void (*handler_)(int) = nullptr;
};

TEST(AtomicFile, WritesAndReplaces) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "result.bin";
  const std::string bytes("a\0b\n", 4);
  write_file_atomically(path, bytes);
  EXPECT_EQ(read_file(path), bytes);
  write_file_atomically(path, "second");
  EXPECT_EQ(read_file(path), "second");
  EXPECT_EQ(entries(directory.path()), 1);
}

TEST(AtomicFile, IsReadableByOthersAsTheUmaskSays) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "result.bin";
  const auto mask = umask(027);
  write_file_atomically(path, "x");
  umask(mask);
  struct stat status = {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST(AtomicFile, AppearsOnlyAtCommit) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "result.bin";
  AtomicFile file(path);
  file.write("first ");
  EXPECT_FALSE(std::filesystem::exists(path));
  file.write("second");
  file.commit();
  EXPECT_EQ(read_file(path), "first second");
}

TEST(AtomicFile, WithoutCommitLeavesEverythingAsItWas) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "result.bin";
  write_file(path, "old");
  {
    AtomicFile file(path);
    file.write("new");
  }
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(entries(directory.path()), 1);
}

TEST(AtomicFile, TwoWritersOfOneFileDoNotMix) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "result.bin";
  AtomicFile one(path), two(path);
  one.write("one");
  two.write("two");
  one.commit();
  EXPECT_EQ(read_file(path), "one");
  two.commit();
  EXPECT_EQ(read_file(path), "two");
  EXPECT_EQ(entries(directory.path()), 1);
}

TEST(AtomicFile, TakesTheLongestNames) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / std::string(255, 'n');
  write_file_atomically(path, "x");
  EXPECT_EQ(read_file(path), "x");
}

TEST(AtomicFile, AFullDiskKeepsTheOldFile) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "result.bin";
  write_file(path, "old");
  {
    const FileSizeLimit limit(1000);
    expect_error(ErrorCode::kOutput, {path.string(), "File too large"}, [&] {
      write_file_atomically(path, std::string(5000, 'x'));
    });
  }
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(entries(directory.path()), 1);
}

TEST(AtomicFile, AFailedRenameLeavesNothingBehind) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "result";
  AtomicFile file(path);
  file.write("x");
  std::filesystem::create_directory(path);
  expect_error(ErrorCode::kOutput, {path.string(), "renamed"}, [&] { file.commit(); });
}

TEST(CheckWritable, LeavesNothingBehind) {
  const TemporaryDirectory directory;
  check_writable(directory.path() / "new.png");
  EXPECT_EQ(entries(directory.path()), 0);
  write_file(directory.path() / "old.png", "old");
  check_writable(directory.path() / "old.png");
  EXPECT_EQ(read_file(directory.path() / "old.png"), "old");
  EXPECT_EQ(entries(directory.path()), 1);
}

TEST(CheckWritable, TakesAPathWithoutDirectory) {
  const TemporaryDirectory directory;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  EXPECT_NO_THROW(check_writable("new.png"));
  std::filesystem::current_path(before);
}

TEST(CheckWritable, NamesWhatIsWrong) {
  const TemporaryDirectory directory;
  const auto& root = directory.path();
  write_file(root / "file", "x");
  const auto refuses = [](const std::filesystem::path& path, const std::string& reason) {
    expect_error(ErrorCode::kOutput, {path.string(), reason}, [&] { check_writable(path); });
  };
  refuses(root / "missing" / "a.png", "No such file or directory");
  refuses(root / "file" / "a.png", "is not a directory");
  refuses(root / "file" / "deeper" / "a.png", "Not a directory");
  refuses(root, "it is a directory");
  refuses(root / "", "it is a directory");
  refuses("", "is empty");
  refuses("/dev/full", "not a regular file");
  refuses("/proc/a.png", "cannot be created");
  refuses(root / std::string(256, 'n') / "a.png", "File name too long");
  refuses(root / std::string(256, 'n'), "File name too long");
  EXPECT_EQ(entries(root), 1);
}

}  // namespace
}  // namespace glm_image
