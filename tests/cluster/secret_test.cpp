#include "cluster/secret.h"

#include "support/test_support.h"

namespace glm_image::test {
namespace {

using cluster::Secret;

Secret secret_from_file(const std::string& line) {
  const TemporaryDirectory folder;
  write_file(folder.path() / "key", line);
  return Secret::load(folder.path() / "key");
}

// Computed with Python: hmac.new(b"Jefe" * 4, b"what do ya want for nothing?", "sha256").
TEST(Secret, SignsWithHmacSha256) {
  EXPECT_EQ(secret_from_file("JefeJefeJefeJefe\n").sign("what do ya want for nothing?"),
            "2ccd85dfc8d18cb5d84fef4b198554699fece6e8692c9147b0da983f5b7bd413");
}

TEST(Secret, VerifiesItsOwnSignaturesOnly) {
  const auto secret = secret_from_file("a key of all the ranks\nand no more\n");
  const auto signature = secret.sign("text");
  EXPECT_TRUE(secret.verifies("text", signature));
  EXPECT_FALSE(secret.verifies("texu", signature));
  EXPECT_FALSE(secret.verifies("text", signature.substr(1)));
  EXPECT_FALSE(secret.verifies("text", ""));
  EXPECT_FALSE(secret_from_file("another key of all ranks").verifies("text", signature));
  EXPECT_EQ(secret_from_file("a key of all the ranks\r\n").sign("text"), signature);
}

TEST(Secret, ShortKeysAreRefused) {
  expect_error(ErrorCode::kInvalidInput, {"at least 16 characters", "found 15"}, [] {
    secret_from_file("fifteen letters\nmore");
  });
  expect_error(ErrorCode::kNotFound, {"no-such-file"}, [] { Secret::load("no-such-file"); });
}

TEST(Secret, ChallengesDiffer) {
  EXPECT_NE(cluster::new_challenge(), cluster::new_challenge());
  EXPECT_EQ(cluster::new_challenge().size(), 64U);
}

}  // namespace
}  // namespace glm_image::test
