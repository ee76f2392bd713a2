#include "cluster/model_fingerprint.h"

#include <cstdlib>

#include "support/reference.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

/// A copy of the toy checkpoint, and a cache of its own.
class Fingerprint : public testing::Test {
 protected:
  Fingerprint() {
    ::setenv("XDG_CACHE_HOME", (folder_.path() / "cache").c_str(), /*overwrite=*/1);
    fs::copy(tiny_model_dir(), model_, fs::copy_options::recursive);
    for (const auto& entry : fs::recursive_directory_iterator(model_)) {
      fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::add);
    }
  }
  cluster::ModelFingerprint of(const fs::path& model) {
    hashed_ = 0;
    return cluster::fingerprint_of(model, {}, [this](uint64_t done, uint64_t /*total*/) {
      hashed_ = done;
      return true;
    });
  }

  const TemporaryDirectory folder_;
  const fs::path model_ = folder_.path() / "model";
  uint64_t hashed_ = 0;  ///< bytes
};

TEST_F(Fingerprint, ACopyIsTheSameModel) {
  const auto copy = of(model_);
  EXPECT_EQ(copy.difference(of(tiny_model_dir())), "");
  EXPECT_GT(copy.files.count("vae/config.json"), 0U);
}

TEST_F(Fingerprint, EveryFileCounts) {
  const auto before = of(model_);
  for (const auto& [name, hash] : before.files) {
    auto bytes = read_file(model_ / name);
    ASSERT_FALSE(bytes.empty()) << name;
    const auto old = bytes;
    const auto time = fs::last_write_time(model_ / name);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    write_file(model_ / name, bytes);
    // A file system may keep times of change in coarse steps.
    fs::last_write_time(model_ / name, time + std::chrono::seconds(2));
    EXPECT_NE(before.difference(of(model_)).find(name), std::string::npos);
    write_file(model_ / name, old);
    fs::last_write_time(model_ / name, time);
  }
}

TEST_F(Fingerprint, FilesThatDidNotChangeAreNotReadAgain) {
  const auto first = of(model_);
  EXPECT_GT(hashed_, 0U);
  EXPECT_EQ(of(model_).files, first.files);
  EXPECT_EQ(hashed_, 0U);
  write_file(folder_.path() / "cache" / "glm-image" / "hashes.json", "damaged");
  EXPECT_EQ(of(model_).files, first.files);
  EXPECT_GT(hashed_, 0U);
}

TEST_F(Fingerprint, CanBeStopped) {
  expect_error(ErrorCode::kCancelled, {}, [&] {
    cluster::fingerprint_of(model_, {}, [](uint64_t, uint64_t) { return false; });
  });
}

}  // namespace
}  // namespace glm_image::test
