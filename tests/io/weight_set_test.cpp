#include "io/weight_set.h"

#include <nlohmann/json.hpp>

#include "io/json_file.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using io::WeightSet;
using io::write_safetensors;

Tensor numbers(int64_t count) {
  return at::arange(count, at::kFloat);
}

void write_index(const std::filesystem::path& folder, const nlohmann::json& weight_map) {
  write_file(folder / "model.safetensors.index.json",
             nlohmann::json{{"weight_map", weight_map}}.dump());
}

TEST(WeightSet, ReadsASingleFile) {
  const TemporaryDirectory folder;
  write_safetensors(folder.path() / "model.safetensors",
                    {{"a", numbers(6).view({2, 3})}, {"b", numbers(2).to(at::kBFloat16)}},
                    {});
  const auto set = WeightSet::open(folder.path());
  EXPECT_EQ(set.total_elements(), 8);
  EXPECT_EQ(set.total_bytes(), 28U);
  EXPECT_TRUE(at::equal(set.find("a")->file->tensor("a"), numbers(6).view({2, 3})));
  EXPECT_EQ(set.find("b")->file->tensor("b").scalar_type(), at::kBFloat16);
  EXPECT_EQ(set.find("c"), nullptr);
}

TEST(WeightSet, ReadsShardsThroughTheirIndex) {
  const TemporaryDirectory folder;
  write_safetensors(folder.path() / "one.safetensors", {{"a", numbers(3)}}, {});
  write_safetensors(folder.path() / "two.safetensors", {{"b", numbers(4)}}, {});
  write_index(folder.path(), {{"a", "one.safetensors"}, {"b", "two.safetensors"}});
  const auto set = WeightSet::open(folder.path());
  ASSERT_EQ(set.tensors().size(), 2U);
  EXPECT_TRUE(at::equal(set.find("b")->file->tensor("b"), numbers(4)));
}

TEST(WeightSet, TensorsOutliveTheSet) {
  const TemporaryDirectory folder;
  write_safetensors(folder.path() / "model.safetensors", {{"a", numbers(3)}}, {});
  Tensor kept;
  {
    const auto set = WeightSet::open(folder.path());
    kept = set.find("a")->file->tensor("a");
  }
  std::filesystem::remove(folder.path() / "model.safetensors");
  EXPECT_TRUE(at::equal(kept, numbers(3)));
}

TEST(WeightSet, WritingToATensorDoesNotChangeTheFile) {
  const TemporaryDirectory folder;
  write_safetensors(folder.path() / "model.safetensors", {{"a", numbers(3)}}, {});
  WeightSet::open(folder.path()).find("a")->file->tensor("a").fill_(9);
  EXPECT_TRUE(at::equal(WeightSet::open(folder.path()).find("a")->file->tensor("a"), numbers(3)));
}

TEST(WeightSet, RefusesFoldersWithoutWeights) {
  const TemporaryDirectory folder;
  expect_error(ErrorCode::kNotFound, {folder.path().string(), "no *.safetensors"}, [&] {
    WeightSet::open(folder.path());
  });
  expect_error(
      ErrorCode::kNotFound, {"missing"}, [&] { WeightSet::open(folder.path() / "missing"); });
}

TEST(WeightSet, RefusesSeveralFilesWithoutAnIndex) {
  const TemporaryDirectory folder;
  write_safetensors(folder.path() / "one.safetensors", {{"a", numbers(3)}}, {});
  write_safetensors(folder.path() / "two.safetensors", {{"b", numbers(4)}}, {});
  expect_error(
      ErrorCode::kCorruptFile, {"several weight files"}, [&] { WeightSet::open(folder.path()); });
}

TEST(WeightSet, RefusesAnIndexThatDisagreesWithItsShards) {
  const TemporaryDirectory folder;
  write_safetensors(folder.path() / "one.safetensors", {{"a", numbers(3)}}, {});
  const auto open = [&] { WeightSet::open(folder.path()); };
  write_index(folder.path(), {{"a", "one.safetensors"}, {"b", "one.safetensors"}});
  expect_error(ErrorCode::kCorruptFile, {"one.safetensors", "lacks the tensor 'b'"}, open);
  write_index(folder.path(), nlohmann::json::object());
  expect_error(ErrorCode::kCorruptFile, {"no tensor"}, open);
  write_index(folder.path(), {{"a", "gone.safetensors"}});
  expect_error(ErrorCode::kNotFound, {"gone.safetensors"}, open);
}

TEST(WeightSet, TheIndexSelectsFilesAndTensors) {
  const TemporaryDirectory folder;
  write_safetensors(folder.path() / "one.safetensors", {{"a", numbers(3)}, {"z", numbers(1)}}, {});
  write_safetensors(folder.path() / "two.safetensors", {{"a", numbers(5)}, {"b", numbers(2)}}, {});
  write_safetensors(folder.path() / "model.safetensors", {{"c", numbers(3)}}, {});
  write_index(folder.path(), {{"a", "two.safetensors"}, {"b", "two.safetensors"}});
  const auto set = WeightSet::open(folder.path());
  ASSERT_EQ(set.tensors().size(), 2U);
  EXPECT_TRUE(at::equal(set.find("a")->file->tensor("a"), numbers(5)));
}

TEST(WeightSet, IgnoresHiddenFiles) {
  const TemporaryDirectory folder;
  write_safetensors(folder.path() / "model.safetensors", {{"a", numbers(3)}}, {});
  for (const char* name : {"._model.safetensors",
                           ".model.safetensors",
                           "._model.safetensors.index.json",
                           ".syncthing.model.safetensors.tmp"}) {
    write_file(folder.path() / name, std::string("\0\5\x16\7", 4));
  }
  EXPECT_EQ(WeightSet::open(folder.path()).tensors().size(), 1U);
}

TEST(WeightSet, PrefersTheDefaultName) {
  for (const std::string plain : {"model", "diffusion_pytorch_model"}) {
    const TemporaryDirectory folder;
    write_safetensors(folder.path() / (plain + ".safetensors"), {{"a", numbers(3)}}, {});
    for (const char* other : {".fp16", " (1)", " copy", ".non_ema", "_old"}) {
      write_safetensors(folder.path() / (plain + other + ".safetensors"), {{"a", numbers(5)}}, {});
    }
    const auto set = WeightSet::open(folder.path());
    EXPECT_TRUE(at::equal(set.find("a")->file->tensor("a"), numbers(3)));
  }
}

TEST(WeightSet, AcceptsASingleFileOfAnyName) {
  for (const char* name : {"model.fp16", "model-00001-of-00001", "best-of-three"}) {
    const TemporaryDirectory folder;
    write_safetensors(
        folder.path() / (std::string(name) + ".safetensors"), {{"a", numbers(3)}}, {});
    EXPECT_EQ(WeightSet::open(folder.path()).tensors().size(), 1U) << name;
  }
}

TEST(WeightSet, ShardsWithoutTheirIndexAreNamedAsSuch) {
  const TemporaryDirectory folder;
  const auto open = [&] { WeightSet::open(folder.path()); };
  write_safetensors(folder.path() / "model-00002-of-00004.safetensors", {{"a", numbers(3)}}, {});
  expect_error(ErrorCode::kNotFound, {"model-00002-of-00004", "index.json"}, open);
  write_safetensors(folder.path() / "model-00001-of-00004.safetensors", {{"b", numbers(3)}}, {});
  expect_error(ErrorCode::kNotFound, {"model-00001-of-00004", "index.json"}, open);
}

// diffusers' names of a sharded variant, of earlier and of current versions.
TEST(WeightSet, ReadsTheShardsOfAVariant) {
  for (const std::string form : {"-0000%-of-00002.fp16", ".fp16-0000%-of-00002"}) {
    const TemporaryDirectory folder;
    const auto shard = [&](char number) {
      auto name = "diffusion_pytorch_model" + form + ".safetensors";
      name[name.find('%')] = number;
      return name;
    };
    write_safetensors(folder.path() / shard('1'), {{"a", numbers(3)}}, {});
    write_safetensors(folder.path() / shard('2'), {{"b", numbers(4)}}, {});
    const auto open = [&] { return WeightSet::open(folder.path()); };
    expect_error(ErrorCode::kNotFound, {"parts of the weights", "index.json"}, open);
    const nlohmann::json map = {{"a", shard('1')}, {"b", shard('2')}};
    write_file(folder.path() / "diffusion_pytorch_model.safetensors.index.fp16.json",
               nlohmann::json{{"weight_map", map}}.dump());
    EXPECT_EQ(open().tensors().size(), 2U) << form;
    // The plain file is preferred.
    write_safetensors(
        folder.path() / "diffusion_pytorch_model.safetensors", {{"c", numbers(1)}}, {});
    EXPECT_NE(open().find("c"), nullptr);
  }
}

TEST(WeightSet, ALinkWithoutItsTargetIsNamedAsSuch) {
  const TemporaryDirectory folder;
  std::filesystem::create_symlink("../../blobs/0123", folder.path() / "model.safetensors");
  expect_error(ErrorCode::kNotFound,
               {"model.safetensors: is a link to ../../blobs/0123, which does not exist", "cp -rL"},
               [&] { WeightSet::open(folder.path()); });
  std::filesystem::create_symlink("gone", folder.path() / "config.json");
  expect_error(ErrorCode::kNotFound, {"config.json: is a link to gone"}, [&] {
    io::read_json_file(folder.path() / "config.json");
  });
}

TEST(WeightSet, RefusesAnIndexThatLeavesItsFolder) {
  const TemporaryDirectory folder;
  for (const char* shard : {"../secret.safetensors", "/etc/passwd", "", ".."}) {
    write_index(folder.path(), {{"a", shard}});
    EXPECT_THROW(WeightSet::open(folder.path()), Error) << shard;
  }
  write_index(folder.path(), {{"a", "../secret.safetensors"}});
  expect_error(ErrorCode::kCorruptFile, {"same folder"}, [&] { WeightSet::open(folder.path()); });
}

TEST(WriteSafetensors, LeavesNothingBehindWhenItCannotWrite) {
  const TemporaryDirectory folder;
  expect_error(ErrorCode::kOutput, {"nowhere"}, [&] {
    write_safetensors(folder.path() / "nowhere" / "a.safetensors", {{"a", numbers(3)}}, {});
  });
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace glm_image::test
