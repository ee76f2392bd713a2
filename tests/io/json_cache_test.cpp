#include "io/json_cache.h"

#include <cstdlib>
#include <optional>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

/// Caches in a temporary folder. The variables are restored at the end.
class JsonCache : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"XDG_CACHE_HOME", "HOME"}) {
      const char* const value = std::getenv(name);
      variables_.emplace_back(name, value == nullptr ? std::nullopt : std::optional(value));
    }
    ::setenv("XDG_CACHE_HOME", folder_.path().c_str(), /*overwrite=*/1);
  }
  void TearDown() override {
    for (const auto& [name, value] : variables_) {
      if (value) {
        ::setenv(name, value->c_str(), /*overwrite=*/1);
      } else {
        ::unsetenv(name);
      }
    }
  }

  const TemporaryDirectory folder_;

 private:
  std::vector<std::pair<const char*, std::optional<std::string>>> variables_;
};

TEST_F(JsonCache, KeepsAnObject) {
  const auto file = io::cache_file("numbers.json");
  EXPECT_EQ(file, folder_.path() / "glm-image" / "numbers.json");
  EXPECT_EQ(io::read_cache(file), io::Json::object());
  io::write_cache(file, {{"two", 2}});
  EXPECT_EQ(io::read_cache(file), io::Json({{"two", 2}}));
}

TEST_F(JsonCache, IsInTheHomeFolderWithoutAnAbsoluteVariable) {
  ::setenv("HOME", "/home/user", /*overwrite=*/1);
  const fs::path expected = "/home/user/.cache/glm-image/numbers.json";
  ::setenv("XDG_CACHE_HOME", "relative", /*overwrite=*/1);
  EXPECT_EQ(io::cache_file("numbers.json"), expected);
  ::unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ(io::cache_file("numbers.json"), expected);
}

TEST_F(JsonCache, IsEmptyWithoutAFolder) {
  ::unsetenv("XDG_CACHE_HOME");
  ::unsetenv("HOME");
  const auto file = io::cache_file("numbers.json");
  EXPECT_TRUE(file.empty());
  io::write_cache(file, {{"two", 2}});
  EXPECT_EQ(io::read_cache(file), io::Json::object());
}

TEST_F(JsonCache, IsEmptyWhereItIsDamaged) {
  const auto file = io::cache_file("numbers.json");
  io::write_cache(file, {{"two", 2}});
  for (const char* bytes : {"", "{\"two\": ", "[2]"}) {
    write_file(file, bytes);
    EXPECT_EQ(io::read_cache(file), io::Json::object()) << bytes;
  }
}

TEST_F(JsonCache, MayBeImpossibleToWrite) {
  write_file(folder_.path() / "glm-image", "a file where the folder should be");
  const auto file = io::cache_file("numbers.json");
  EXPECT_NO_THROW(io::write_cache(file, {{"two", 2}}));
  EXPECT_EQ(io::read_cache(file), io::Json::object());
}

}  // namespace
}  // namespace glm_image::test
