// Replacing a folder: there is a complete one under the name at every moment.

#include "core/atomic_folder.h"

#include <atomic>
#include <fstream>
#include <thread>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

std::string text_in(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Folder : public testing::Test {
 protected:
  const fs::path base_ =
      fs::temp_directory_path() / ("atomic_folder_" + std::to_string(::getpid()));
  const fs::path name_ = base_ / "model";

  Folder() { fs::create_directories(base_); }
  ~Folder() override { fs::remove_all(base_); }

  void replace(const std::string& text) const {
    AtomicFolder made(name_);
    fs::create_directories(made.path() / "part");
    write_text(made.path() / "part" / "file", text);
    made.take_place();
  }
};

TEST_F(Folder, AppearsWholeAndLeavesNothingBeside) {
  replace("new");
  EXPECT_EQ(text_in(name_ / "part" / "file"), "new");
  replace("newer");
  EXPECT_EQ(text_in(name_ / "part" / "file"), "newer");
  EXPECT_EQ(std::distance(fs::directory_iterator(base_), fs::directory_iterator()), 1);
}

TEST_F(Folder, IsNeverMissingWhileItIsReplaced) {
  replace("first");
  std::atomic<bool> going{true};
  std::atomic<int> missing{0}, seen{0};
  std::thread reader([&] {
    while (going) {
      ++seen;
      if (!fs::exists(name_)) ++missing;
    }
  });
  // On a loaded machine the reader may begin late.
  for (int i = 0; i < 200 || seen <= 200; ++i) replace("next");
  going = false;
  reader.join();
  EXPECT_GT(seen, 200);
  EXPECT_EQ(missing, 0) << "of " << seen;
}

TEST_F(Folder, ThatIsUnfinishedDoesNotChangeTheOldOne) {
  replace("old");
  {
    AtomicFolder made(name_);
    write_text(made.path() / "file", "half");
  }
  EXPECT_EQ(text_in(name_ / "part" / "file"), "old");
  // The next process removes the partial folder of a killed one.
  fs::create_directories(base_ / "model.partial");
  replace("new");
  EXPECT_EQ(text_in(name_ / "part" / "file"), "new");
}

TEST_F(Folder, ThatWasMovedAwayIsRestored) {
  replace("old");
  fs::rename(name_, base_ / "model.old");
  AtomicFolder::recover(name_);
  EXPECT_EQ(text_in(name_ / "part" / "file"), "old");
}

}  // namespace
}  // namespace glm_image::test
