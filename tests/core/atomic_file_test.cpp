#include "core/atomic_file.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "core/output_error.h"
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

/// Limits the size of files in this scope, which imitates a full disk.
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

TEST(AtomicFile, RespectsTheUmask) {
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

TEST(AtomicFile, WithoutCommitChangesNothing) {
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

TEST(AtomicFile, AcceptsTheLongestNames) {
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

/// Whether the action throws an OutputFailure, and not another Error.
template <typename Action>
bool is_output_failure(const Action& action) {
  try {
    action();
  } catch (const OutputFailure&) {
    return true;
  } catch (const Error&) {
  }
  return false;
}

TEST(AtomicFile, AFullDiskIsNoFaultOfThePath) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "result.bin";
  const auto write = [&] { write_file_atomically(path, std::string(5000, 'x')); };
  {
    const FileSizeLimit limit(1000);
    EXPECT_TRUE(is_output_failure(write));
  }
  std::filesystem::create_directory(path);
  EXPECT_FALSE(is_output_failure(write));
}

TEST(AtomicFile, KeepsTheTemporaryFileIfItCannotBeCopied) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "result";
  AtomicFile file(path);
  file.write("hours of work");
  std::filesystem::create_directory(path);
  std::string message;
  try {
    file.commit();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutput);
    message = error.what();
  }
  EXPECT_NE(message.find(path.string()), std::string::npos) << message;
  const std::string before = "its contents are in ";
  const auto at = message.find(before);
  ASSERT_NE(at, std::string::npos) << message;
  EXPECT_EQ(read_file(message.substr(at + before.size())), "hours of work");
}

TEST(AtomicFile, FollowsSymbolicLinks) {
  const TemporaryDirectory directory;
  const auto& root = directory.path();
  std::filesystem::create_directory(root / "deep");
  write_file(root / "deep" / "file", "old");
  std::filesystem::create_symlink("deep/file", root / "relative");
  std::filesystem::create_symlink(root / "deep" / "file", root / "absolute");
  std::filesystem::create_symlink("../relative", root / "deep" / "twice");
  std::filesystem::create_symlink("deep/new", root / "dangling");
  std::filesystem::create_directory_symlink("deep", root / "folder");
  for (const char* link : {"relative", "absolute", "deep/twice", "folder/file"}) {
    write_file_atomically(root / link, link);
    EXPECT_EQ(read_file(root / "deep" / "file"), link);
  }
  check_writable(root / "dangling");
  EXPECT_FALSE(std::filesystem::exists(root / "deep" / "new"));
  write_file_atomically(root / "dangling", "made");
  EXPECT_EQ(read_file(root / "deep" / "new"), "made");
  for (const char* link : {"relative", "absolute", "deep/twice", "dangling", "folder"}) {
    EXPECT_TRUE(std::filesystem::is_symlink(root / link)) << link;
  }
  EXPECT_EQ(entries(root), 5);
  EXPECT_EQ(entries(root / "deep"), 3);

  std::filesystem::create_symlink("round", root / "round");
  std::filesystem::create_symlink("nowhere/file", root / "lost");
  expect_error(
      ErrorCode::kOutput, {"round", "symbolic links"}, [&] { check_writable(root / "round"); });
  expect_error(ErrorCode::kOutput, {"lost", "nowhere", "No such file"}, [&] {
    check_writable(root / "lost");
  });
}

/// Runs the test in a child process, to which its limits and privileges are confined. Returns 0 if
/// it passed, -1 if the child was killed.
template <typename Body>
int exit_code_in_a_child(const Body& body) {
  const auto child = fork();
  if (child == 0) {
    body();
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

template <typename Body>
bool passes_in_a_child(const Body& body) {
  return exit_code_in_a_child(body) == 0;
}

/// Becomes an ordinary user, who is subject to file permissions.
void become_ordinary() {
  constexpr unsigned kNobody = 65534;
  if (geteuid() != 0) return;
  ASSERT_EQ(setresuid(kNobody, kNobody, kNobody), 0);
}

TEST(AtomicFile, WritesInPlaceInAFolderThatAcceptsNoFiles) {
  const TemporaryDirectory directory;
  const auto folder = directory.path() / "closed";
  std::filesystem::create_directory(folder);
  write_file(folder / "open", "an old file, longer than the new");
  write_file(folder / "closed", "old");
  using std::filesystem::perms;
  std::filesystem::permissions(directory.path(), perms(0755));
  std::filesystem::permissions(folder / "open", perms(0666));
  std::filesystem::permissions(folder / "closed", perms(0444));
  std::filesystem::permissions(folder, perms(0555));
  EXPECT_TRUE(passes_in_a_child([&] {
    become_ordinary();
    check_writable(folder / "open");
    EXPECT_EQ(read_file(folder / "open"), "an old file, longer than the new");
    write_file_atomically(folder / "open", "new");
    EXPECT_EQ(read_file(folder / "open"), "new");
    for (const char* name : {"closed", "missing"}) {
      expect_error(
          ErrorCode::kOutput, {name, "Permission denied"}, [&] { check_writable(folder / name); });
    }
  }));
  EXPECT_EQ(entries(folder), 2);
  std::filesystem::permissions(folder, perms(0755));
}

TEST(AtomicFile, WritesInPlaceInAStickyFolder) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to make files of two owners";
  const TemporaryDirectory directory;
  const auto folder = directory.path() / "shared";
  std::filesystem::create_directory(folder);
  write_file(folder / "open", "old");
  write_file(folder / "closed", "old");
  using std::filesystem::perms;
  std::filesystem::permissions(directory.path(), perms(0755));
  std::filesystem::permissions(folder / "open", perms(0666));
  std::filesystem::permissions(folder / "closed", perms(0644));
  std::filesystem::permissions(folder, perms(01777));
  EXPECT_TRUE(passes_in_a_child([&] {
    become_ordinary();
    check_writable(folder / "open");
    write_file_atomically(folder / "open", "new");
    EXPECT_EQ(read_file(folder / "open"), "new");
    write_file_atomically(folder / "own", "1");
    write_file_atomically(folder / "own", "2");
    EXPECT_EQ(read_file(folder / "own"), "2");
    expect_error(ErrorCode::kOutput, {"closed", "Permission denied"}, [&] {
      check_writable(folder / "closed");
    });
  }));
  EXPECT_EQ(entries(folder), 3);
}

constexpr int kNotPermitted = 77;

/// As exit_code_in_a_child, after `make_mounts`, whose mounts nobody else sees. Returns
/// kNotPermitted if they could not be made.
template <typename MakeMounts, typename Body>
int exit_code_with_mounts(const MakeMounts& make_mounts, const Body& body) {
  return exit_code_in_a_child([&] {
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 || !make_mounts()) {
      _exit(kNotPermitted);
    }
    body();
  });
}

TEST(AtomicFile, WritesInPlaceToAMountPoint) {
  const TemporaryDirectory directory;
  const auto& root = directory.path();
  write_file(root / "source", "old");
  write_file(root / "mounted", "");
  write_file(root / "fixed", "");
  const auto make_mounts = [&] {
    const auto mount_over = [&](const char* name, unsigned long flags) {
      const auto target = root / name;
      return mount((root / "source").c_str(), target.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
             (flags == 0 || mount(nullptr, target.c_str(), nullptr, flags, nullptr) == 0);
    };
    return mount_over("mounted", 0) && mount_over("fixed", MS_REMOUNT | MS_BIND | MS_RDONLY);
  };
  const auto check = [&] {
    check_writable(root / "mounted");
    EXPECT_EQ(read_file(root / "mounted"), "old");
    write_file_atomically(root / "mounted", "new");
    EXPECT_EQ(read_file(root / "source"), "new");
    expect_error(
        ErrorCode::kOutput, {"fixed", "Read-only"}, [&] { check_writable(root / "fixed"); });
    EXPECT_EQ(entries(root), 3);
  };
  const int code = exit_code_with_mounts(make_mounts, check);
  if (code == kNotPermitted) GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(code, 0);
  EXPECT_EQ(read_file(root / "source"), "new");
}

TEST(AtomicFile, NamesTheFileAndTheReasonOnAFullFileSystem) {
  const TemporaryDirectory directory;
  const auto& root = directory.path();
  const auto make_mounts = [&] {
    return mount("tmpfs", root.c_str(), "tmpfs", 0, "size=64k") == 0;
  };
  const auto check = [&] {
    const auto path = root / "result.bin";
    const auto write = [&] { write_file_atomically(path, std::string(1 << 20, 'x')); };
    expect_error(ErrorCode::kOutput, {path.string(), "No space left on device"}, write);
    EXPECT_TRUE(is_output_failure(write));
    EXPECT_EQ(entries(root), 0);
  };
  const int code = exit_code_with_mounts(make_mounts, check);
  if (code == kNotPermitted) GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(code, 0);
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

TEST(CheckWritable, AcceptsAPathWithoutDirectory) {
  const TemporaryDirectory directory;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  EXPECT_NO_THROW(check_writable("new.png"));
  std::filesystem::current_path(before);
}

TEST(CheckWritable, NamesTheReason) {
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
