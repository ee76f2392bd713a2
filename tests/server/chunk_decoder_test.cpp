// Bodies in chunks, which arrive in pieces of any size.

#include "server/chunk_decoder.h"

#include <algorithm>

#include "server/api_refusal.h"

namespace glm_image::test {
namespace {

using namespace server;

constexpr int64_t kMaxTrailerBytes = 64;

struct Decoded {
  std::string body;
  bool is_complete = false;
  std::size_t rest = 0;  ///< bytes behind the body
};

/// What a decoder makes of `text` if it gets `piece` more bytes at a time.
Decoded decode(std::string_view text, std::size_t piece) {
  ChunkDecoder decoder(kMaxTrailerBytes);
  Decoded decoded;
  std::size_t begin = 0;
  for (std::size_t end = std::min(piece, text.size());; end = std::min(end + piece, text.size())) {
    while (!decoder.is_complete()) {
      const auto step = decoder.next(text.substr(begin, end - begin));
      if (step.consumed == 0) break;
      decoded.body += step.data;
      begin += step.consumed;
    }
    if (decoder.is_complete() || end == text.size()) break;
  }
  decoded.is_complete = decoder.is_complete();
  decoded.rest = text.size() - begin;
  return decoded;
}

void expect_refused(const std::string& text) {
  for (const std::size_t piece : {1, 2, 3, 7, 10000}) {
    expect_refusal(400, "", [&] { decode(text, piece); });
    if (testing::Test::HasFailure()) FAIL() << text << " in pieces of " << piece;
  }
}

/// A chunk of five bytes and the last chunk with a trailer section of `bytes` in all.
std::string with_trailers_of(int64_t bytes) {
  const std::string name = "X: ";
  const std::string ends = "\r\n\r\n";
  return "5\r\nhello\r\n0\r\n" + name +
         std::string(static_cast<std::size_t>(bytes) - name.size() - ends.size(), 'a') + ends;
}

TEST(ChunkDecoder, TakesChunksInPiecesOfAnySize) {
  const std::string text =
      "3\r\nhel\r\n002 ;a=\"b\"\r\nlo\r\nA\r\n0123456789\r\n000;x\r\nX: y\r\nZ:\r\n\r\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    const auto decoded = decode(text + "GET", piece);
    EXPECT_TRUE(decoded.is_complete) << piece;
    EXPECT_EQ(decoded.body, "hello0123456789") << piece;
    EXPECT_EQ(decoded.rest, 3U) << piece;
  }
  EXPECT_FALSE(decode(text.substr(0, text.size() - 1), 5).is_complete);
}

TEST(ChunkDecoder, RefusesTrailersThatAreNotFields) {
  for (const char* trailers : {"X: y\r\n folded\r\n",
                               "X: y\r\n\tfolded\r\n",
                               " X: y\r\n",
                               "X : y\r\n",
                               "no colon\r\n",
                               ": y\r\n",
                               "X: \x01\r\n",
                               "X: y\n",
                               "X: y\rZ: y\r\n"}) {
    expect_refused(std::string("5\r\nhello\r\n0\r\n") + trailers + "\r\n");
    expect_refused(std::string("0\r\n") + trailers + "\r\n");
  }
}

TEST(ChunkDecoder, BoundsTrailersToTheByte) {
  const auto longest = with_trailers_of(kMaxTrailerBytes);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, longest.size()}) {
    EXPECT_TRUE(decode(longest, piece).is_complete) << piece;
  }
  expect_refused(with_trailers_of(kMaxTrailerBytes + 1));
  // Without an end, and as many short fields.
  expect_refused("0\r\n" + std::string(kMaxTrailerBytes, 'a'));
  std::string many = "0\r\n";
  for (int64_t bytes = 0; bytes < kMaxTrailerBytes; bytes += 4) many += "a:\r\n";
  expect_refused(many + "\r\n");
}

TEST(ChunkDecoder, BoundsSizesAndTheirLines) {
  EXPECT_TRUE(decode("0000000000000005\r\nhello\r\n0\r\n\r\n", 3).is_complete);
  expect_refused("00000000000000005\r\nhello\r\n0\r\n\r\n");
  expect_refused("10000000000000005\r\nhello\r\n0\r\n\r\n");
  const auto with_extension = [](std::size_t bytes) {
    return "5;" + std::string(bytes - 4, 'a') + "\r\nhello\r\n0\r\n\r\n";
  };
  EXPECT_EQ(decode(with_extension(1024), 100).body, "hello");
  expect_refused(with_extension(1025));
}

}  // namespace
}  // namespace glm_image::test
