#include "pipeline/thread_share.h"

#include <gtest/gtest.h>

#include "core/torch.h"

namespace glm_image::test {
namespace {

using pipeline::threads_beside;
using pipeline::ThreadShare;

TEST(ThreadShare, UsesTheProcessorsThatAreFree) {
  EXPECT_EQ(threads_beside(0, 2, 2), 2);
  EXPECT_EQ(threads_beside(0.3, 2, 2), 2) << "light work of others";
  // A busy loop next to two of our threads gets two thirds of a processor.
  EXPECT_EQ(threads_beside(0.67, 2, 2), 1);
  EXPECT_EQ(threads_beside(1, 2, 2), 1);
  EXPECT_EQ(threads_beside(2, 2, 2), 1) << "never none";
  EXPECT_EQ(threads_beside(1, 64, 64), 63);
  EXPECT_EQ(threads_beside(1, 64, 8), 8) << "no more than asked for";
}

TEST(ThreadShare, LeavesTheNumberOfThreadsAsItWas) {
  const int threads = at::get_num_threads();
  {
    ThreadShare share(/*adapt=*/true);
    share.update();
  }
  EXPECT_EQ(at::get_num_threads(), threads);
}

}  // namespace
}  // namespace glm_image::test
