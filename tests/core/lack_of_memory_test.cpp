#include "core/lack_of_memory.h"

#include <gtest/gtest.h>

namespace glm_image::test {
namespace {

template <typename Action>
bool lacks_memory(const Action& action) {
  try {
    action();
  } catch (const c10::Error& error) {
    return is_lack_of_memory(error);
  }
  ADD_FAILURE() << "no error";
  return false;
}

TEST(LackOfMemory, IsReadFromLibTorchsOwnErrors) {
#if !defined(__SANITIZE_ADDRESS__)  // AddressSanitizer ends the program instead
  // More than an address space has.
  EXPECT_TRUE(lacks_memory([] { at::empty({int64_t{1} << 60}, at::kFloat); }));
#endif
  EXPECT_TRUE(
      lacks_memory([] { TORCH_CHECK(false, "NPU out of memory. Tried to allocate 2 GiB"); }));
  EXPECT_TRUE(lacks_memory([] { TORCH_CHECK_WITH(OutOfMemoryError, false, "no room"); }));
  // Other errors speak of allocations too.
  EXPECT_FALSE(lacks_memory([] { TORCH_CHECK(false, "the data is not allocated yet"); }));
  EXPECT_FALSE(lacks_memory([] { at::ones({2}) + at::ones({3}); }));
}

}  // namespace
}  // namespace glm_image::test
