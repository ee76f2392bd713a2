// Compares two evaluations of the same prompts (glm-image evaluate -o FOLDER), picture by picture:
// differences of the shares that are right, with 95 % intervals from a bootstrap over pictures, and
// the mean difference of the pictures' values.
//   compare_evaluations BEFORE AFTER

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "evaluate/intervals.h"
#include "glm_image/error.h"
#include "image/codec.h"
#include "io/json_file.h"
#include "support/command_line.h"

namespace {

using namespace glm_image;
namespace fs = std::filesystem;

/// Judgements of these names count together.
const std::map<std::string, std::string>& groups() {
  static const std::map<std::string, std::string> kGroups = {{"words read", "words"},
                                                             {"words compared", "words"},
                                                             {"pictograms", "pictograms"},
                                                             {"background colours", "colours"},
                                                             {"text colours", "colours"}};
  return kGroups;
}

using Sums = std::map<std::string, evaluate::PictureSum>;

Sums sums_of(const io::Json& prompt) {
  Sums sums;
  for (const auto& judgement : prompt.at("judgements")) {
    const auto group = groups().find(judgement.at("measure").get<std::string>());
    if (group == groups().end()) continue;
    auto& sum = sums[group->second];
    sum.sum += judgement.at("right").get<bool>() ? 1 : 0;
    ++sum.count;
  }
  return sums;
}

/// Mean absolute difference, of 255.
double difference(const Image& a, const Image& b) {
  if (a.pixels.size() != b.pixels.size()) return NAN;
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

class Comparison {
 public:
  void add(const Sums& before, const Sums& after) {
    for (const auto& [name, sum] : after) {
      const auto& other = before.at(name);
      if (other.count != sum.count) throw std::runtime_error("other judgements of a prompt");
      before_[name].push_back(other);
      after_[name].push_back(sum);
      change_[name].push_back({sum.sum - other.sum, sum.count});
    }
  }

  void print(const std::string& title) const {
    for (const auto& [name, change] : change_) {
      const auto interval = evaluate::bootstrap_interval(change);
      std::printf("%-10s %-11s %.3f → %.3f  change %+.3f [%+.3f, %+.3f]\n",
                  title.c_str(),
                  name.c_str(),
                  evaluate::mean_of(before_.at(name)),
                  evaluate::mean_of(after_.at(name)),
                  evaluate::mean_of(change),
                  interval.low,
                  interval.high);
    }
  }

 private:
  std::map<std::string, std::vector<evaluate::PictureSum>> before_, after_, change_;
};

void compare(const fs::path& before, const fs::path& after) {
  std::map<std::string, io::Json> earlier;
  const auto reports = {io::read_json_file(before / "report.json"),
                        io::read_json_file(after / "report.json")};
  for (const auto& prompt : reports.begin()->at("prompts")) {
    earlier[prompt.at("id").get<std::string>()] = prompt;
  }
  Comparison all;
  std::map<int, Comparison> tiers;
  double pixels = 0;
  int64_t pictures = 0;
  for (const auto& prompt : (reports.begin() + 1)->at("prompts")) {
    const auto id = prompt.at("id").get<std::string>();
    const auto other = earlier.find(id);
    if (other == earlier.end()) continue;
    const auto sums = sums_of(prompt), other_sums = sums_of(other->second);
    all.add(other_sums, sums);
    tiers[prompt.at("tier").get<int>()].add(other_sums, sums);
    const auto name = id + ".png";
    pixels += difference(image::read_image(before / name), image::read_image(after / name));
    ++pictures;
  }
  for (const auto& [tier, comparison] : tiers) comparison.print("tier " + std::to_string(tier));
  all.print("all tiers");
  std::printf("%ld pictures, mean difference %.2f of 255\n",
              static_cast<long>(pictures),
              pixels / static_cast<double>(pictures));
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_with_arguments(
      argc, argv, "BEFORE AFTER", 2, 2, [](const std::vector<std::string>& folders) {
        compare(folders[0], folders[1]);
      });
}
