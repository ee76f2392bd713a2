#include "io/text_input.h"

#include <sys/stat.h>

#include <thread>

#include "io/json_file.h"
#include "support/test_support.h"

namespace glm_image::io {
namespace {

class TextInput : public testing::Test {
 protected:
  std::string file(const std::string& bytes) const {
    test::write_file(folder_.path() / "prompt.txt", bytes);
    return (folder_.path() / "prompt.txt").string();
  }
  test::TemporaryDirectory folder_;
};

TEST_F(TextInput, ByteOrderMarkAndLineEndsChangeNothing) {
  EXPECT_EQ(read_text_input(file("\xEF\xBB\xBF"
                                 "A sign\r\n\"B\"\rC\r\n"),
                            100),
            "A sign\n\"B\"\nC\n");
  EXPECT_EQ(read_text_input(file("\r\n\r\n"), 100), "\n\n");
  EXPECT_EQ(read_text_input(file(""), 100), "");
  EXPECT_EQ(read_text_input(file("a \xEF\xBB\xBF b"), 100), "a \xEF\xBB\xBF b");
}

TEST_F(TextInput, OtherEncodingsAreNamed) {
  for (const std::string& mark : {std::string("\xFF\xFE"),
                                  std::string("\xFE\xFF"),
                                  std::string("\0\0\xFE\xFF", 4),
                                  std::string("\xFF\xFE\0\0", 4)}) {
    test::expect_error(ErrorCode::kInvalidInput, {"prompt.txt", "UTF-16", "UTF-8"}, [&] {
      read_text_input(file(mark + "a"), 100);
    });
  }
}

TEST_F(TextInput, APipeIsRead) {
  const auto pipe = (folder_.path() / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { test::write_file(pipe, "a pot\n"); });
  EXPECT_EQ(read_text_input(pipe, 100), "a pot\n");
  writer.join();
}

TEST_F(TextInput, StreamsAreToldFromFiles) {
  const auto pipe = (folder_.path() / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& stream : {std::string("-"), pipe, std::string("/dev/null")}) {
    EXPECT_TRUE(is_stream(stream)) << stream;
  }
  const auto folder = folder_.path().string();
  for (const std::string& other : {file("a pot"), folder, folder + "/gone", std::string()}) {
    EXPECT_FALSE(is_stream(other)) << other;
  }
}

TEST_F(TextInput, SizeBound) {
  EXPECT_EQ(read_text_input(file("12345"), 5), "12345");
  test::expect_error(ErrorCode::kInvalidInput, {"prompt.txt", "5 bytes"}, [&] {
    read_text_input(file("123456"), 5);
  });
  test::expect_error(ErrorCode::kInvalidInput, {"/dev/zero", "65536"}, [] {
    read_text_input("/dev/zero", 65536);
  });
}

TEST_F(TextInput, UnreadableInputIsNamed) {
  test::expect_error(ErrorCode::kInvalidInput, {"cannot be read", "directory"}, [&] {
    read_text_input(folder_.path().string(), 5);
  });
  test::expect_error(ErrorCode::kNotFound, {"gone.txt", "No such file"}, [&] {
    read_text_input((folder_.path() / "gone.txt").string(), 5);
  });
}

/// Some editors write a byte order mark. Python's json module refuses it.
TEST_F(TextInput, JsonFilesMayBeginWithAByteOrderMark) {
  EXPECT_EQ(read_json_file(file("\xEF\xBB\xBF[1]")).size(), 1U);
}

}  // namespace
}  // namespace glm_image::io
