// Ranks exchange tensors of the plugin's device, or of the one that the environment names.

#include "cluster/gathered_tensor.h"
#include "cluster/group_ranks.h"
#include "cluster/rank_threads.h"
#include "device_plugin/test_device.h"

namespace glm_image::test {
namespace {

class ClusterOnDevice : public testing::Test {
 protected:
  const at::Device device_ = load_device_under_test();
};

TEST_F(ClusterOnDevice, OperationsGiveTheCpusResultOnTheDevice) {
  run_on_ranks(2, [&](cluster::ProcessGroup& group) {
    const auto numbers = at::arange(6, at::TensorOptions(at::kFloat)).view({2, 3});
    const auto own = (numbers + group.rank()).to(device_);

    const auto sum = own.clone();
    group.all_reduce(sum);
    EXPECT_EQ(sum.device(), device_);
    EXPECT_TRUE(at::equal(sum.cpu(), 2 * numbers + 1));

    const auto root = own.clone();
    group.broadcast(root, /*root=*/1);
    EXPECT_TRUE(at::equal(root.cpu(), numbers + 1));

    const auto all = group.all_gather(own);
    ASSERT_EQ(all.size(), 2U);
    for (int rank = 0; rank < 2; ++rank) {
      EXPECT_EQ(all[static_cast<size_t>(rank)].device(), device_);
      EXPECT_TRUE(at::equal(all[static_cast<size_t>(rank)].cpu(), numbers + rank));
    }

    // Of three columns a rank has one or two.
    const int64_t first = 3 * group.rank() / 2, end = 3 * (group.rank() + 1) / 2;
    const auto columns = numbers.to(device_).narrow(1, first, end - first);
    const auto gathered = cluster::gather_along(group, columns, /*dimension=*/1, /*total=*/3);
    EXPECT_EQ(gathered.device(), device_);
    EXPECT_TRUE(at::equal(gathered.cpu(), numbers));
  });
}

TEST_F(ClusterOnDevice, GradientsAndWeightsOfATraining) {
  run_on_ranks(2, [&](cluster::ProcessGroup& group) {
    cluster::GroupRanks ranks(group);
    const auto gradient = at::full({4}, group.rank() + 1.0).to(device_);
    const auto ends = ranks.begin_all_reduce(gradient);
    ends();
    EXPECT_TRUE(at::equal(gradient.cpu(), at::full({4}, 3.0)));
    const auto weight = at::full({2, 2}, group.rank() + 0.5).to(at::kBFloat16).to(device_);
    ranks.broadcast(weight.t());
    EXPECT_TRUE(at::equal(weight.cpu(), at::full({2, 2}, 0.5).to(at::kBFloat16)));
  });
}

}  // namespace
}  // namespace glm_image::test
