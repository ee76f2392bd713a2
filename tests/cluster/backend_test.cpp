// Which back end carries a device's tensors, and that the CPU's are not copied. Tensors of another
// device: tests/device_plugin/cluster_on_device_test.cpp.

#include "cluster/backend.h"

#include "cluster/rank_threads.h"

namespace glm_image::test {
namespace {

using cluster::backend_of;

TEST(Backend, OtherDevicesCrossFromTheCpu) {
  for (const auto device :
       {c10::DeviceType::CPU, c10::DeviceType::CUDA, c10::DeviceType::PrivateUse1}) {
    EXPECT_EQ(backend_of(device).name, "gloo");
    EXPECT_EQ(backend_of(device).memory, c10::DeviceType::CPU);
  }
}

TEST(Backend, TensorsOfTheCpuAreCarriedAsTheyAre) {
  const auto dense = at::arange(6).view({2, 3});
  EXPECT_TRUE(cluster::carried(dense).is_same(dense));
  const auto columns = dense.t();
  const auto copy = cluster::carried(columns);
  EXPECT_TRUE(copy.is_contiguous());
  EXPECT_TRUE(at::equal(copy, columns));
  cluster::take_back(copy + 1, columns);
  EXPECT_TRUE(at::equal(dense, at::arange(6).view({2, 3}) + 1));
}

TEST(Backend, StridedTensorsKeepTheirPlaces) {
  run_on_ranks(2, [](cluster::ProcessGroup& group) {
    const auto numbers = at::arange(6, at::TensorOptions(at::kFloat)).view({2, 3}) + group.rank();
    const auto sum = numbers.clone(), first = numbers.clone();
    group.all_reduce(sum.t());
    EXPECT_TRUE(at::equal(sum, 2 * at::arange(6, at::TensorOptions(at::kFloat)).view({2, 3}) + 1));
    group.broadcast(first.t(), /*root=*/1);
    EXPECT_TRUE(at::equal(first, numbers - group.rank() + 1));
  });
}

}  // namespace
}  // namespace glm_image::test
