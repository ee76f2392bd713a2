// FNV-1a of 128 bits against values of a reference implementation (Go's hash/fnv).

#include "core/content_hash.h"

#include <gtest/gtest.h>

namespace glm_image {
namespace {

TEST(ContentHash, IsFnv1aOf128Bits) {
  EXPECT_EQ(ContentHash().hex(), "6c62272e07bb014262b821756295c58d");
  EXPECT_EQ(ContentHash().add("a").hex(), "d228cb696f1a8caf78912b704e4a8964");
  EXPECT_EQ(ContentHash().add("abc").hex(), "a68d622cec8b5822836dbc7977af7f3b");
  EXPECT_EQ(ContentHash().add("a").add("bc").hex(), ContentHash().add("abc").hex());
}

TEST(ContentHash, KeepsFieldsApart) {
  EXPECT_NE(ContentHash().add_field("ab").add_field("c").hex(),
            ContentHash().add_field("a").add_field("bc").hex());
  EXPECT_NE(ContentHash().add_number(1).hex(), ContentHash().add_number(256).hex());
}

}  // namespace
}  // namespace glm_image
