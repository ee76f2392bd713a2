#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "glm_image/image.h"

namespace glm_image::train {

/// A picture to learn, what it shows, and for editing the pictures that it is made from.
struct DataExample {
  Image picture;
  std::string caption;
  std::vector<Image> references;
};

/// Examples to train on, in a fixed order. Reading is safe from several threads.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  /// Returns example 0 … size() − 1, in its original size. Throws as reading its files does.
  virtual DataExample get(int64_t index) const = 0;
};

}  // namespace glm_image::train
