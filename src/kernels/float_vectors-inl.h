// Loads and stores that make float32 vectors of either element type, and sums over their lanes.
// Compiled once per instruction set (see Highway's foreach_target.h), hence this form of guard.
#if defined(GLM_IMAGE_KERNELS_FLOAT_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GLM_IMAGE_KERNELS_FLOAT_VECTORS_INL_H_
#undef GLM_IMAGE_KERNELS_FLOAT_VECTORS_INL_H_
#else
#define GLM_IMAGE_KERNELS_FLOAT_VECTORS_INL_H_
#endif

#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "kernels/element.h"

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using FloatVector = hn::Vec<FloatTag>;
using BitsTag = hn::RebindToUnsigned<FloatTag>;
using HalfWidthTag = hn::Rebind<uint16_t, FloatTag>;

inline int64_t lanes() {
  return static_cast<int64_t>(hn::Lanes(FloatTag()));
}

HWY_INLINE FloatVector load(const float* from) {
  return hn::LoadU(FloatTag(), from);
}

HWY_INLINE FloatVector load(const uint16_t* from) {
  const auto bits = hn::PromoteTo(BitsTag(), hn::LoadU(HalfWidthTag(), from));
  return hn::BitCast(FloatTag(), hn::ShiftLeft<16>(bits));
}

HWY_INLINE void store(FloatVector value, float* to) {
  hn::StoreU(value, FloatTag(), to);
}

/// Rounds to nearest even (Highway 1.0's own conversion truncates).
HWY_INLINE void store(FloatVector value, uint16_t* to) {
  const BitsTag d;
  const hn::RebindToSigned<FloatTag> signed_d;
  const auto bits = hn::BitCast(d, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(d, 0x7FFF))));
  // Rounding up could turn a NaN into another number.
  const auto is_nan = hn::RebindMask(d, hn::IsNaN(value));
  const auto chosen = hn::IfThenElse(is_nan, hn::Set(d, 0x7FC0), rounded);
  hn::StoreU(hn::DemoteTo(HalfWidthTag(), hn::BitCast(signed_d, chosen)), HalfWidthTag(), to);
}

/// The first `count` < lanes() values, the other lanes 0. Masked loads of 16-bit lanes may read
/// beyond the values, so this loads from a copy.
template <typename T>
HWY_INLINE FloatVector load_some(const T* from, int64_t count) {
  HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(float)] = {};
  std::memcpy(buffer, from, static_cast<size_t>(count) * sizeof(T));
  return load(buffer);
}

template <typename T>
HWY_INLINE void store_some(FloatVector value, T* to, int64_t count) {
  HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(float)];
  store(value, buffer);
  std::memcpy(to, buffer, static_cast<size_t>(count) * sizeof(T));
}

/// The same for one value.
HWY_INLINE float widen(float value) {
  return value;
}

HWY_INLINE float widen(uint16_t value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}

template <typename T>
HWY_INLINE T narrow(float value) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return value;
  } else {
    if (value != value) return 0x7FC0;
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
  }
}

HWY_INLINE float sum_of_lanes(FloatVector value) {
  return hn::GetLane(hn::SumOfLanes(FloatTag(), value));
}

/// function(load, store, i) for every i in steps of a vector: load(p) reads values i … of p, store
/// writes them; at the end fewer than a vector.
template <typename Function>
HWY_INLINE void for_each_vector(int64_t count, const Function& function) {
  int64_t i = 0;
  for (; i + lanes() <= count; i += lanes()) {
    function([i](const auto* from) HWY_ATTR { return load(from + i); },
             [i](FloatVector value, auto* to) HWY_ATTR { store(value, to + i); });
  }
  if (i < count) {
    const int64_t rest = count - i;
    function([i, rest](const auto* from) HWY_ATTR { return load_some(from + i, rest); },
             [i, rest](FloatVector value, auto* to) HWY_ATTR { store_some(value, to + i, rest); });
  }
}

/// function(T()) with the C++ type of the element.
template <typename Function>
HWY_INLINE void with_element(Element element, const Function& function) {
  if (element == Element::kFloat32) {  // NOLINT(bugprone-branch-clone): the types differ
    function(float());
  } else {
    function(uint16_t());
  }
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
