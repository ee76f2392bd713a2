// Sums of products for the forms with an instruction that multiplies four bytes by four and adds
// the products to an integer. Included inside their namespaces and regions of instructions, after
// they have defined (no include guard):
//
//   Bytes                          a vector of bytes, as wide as Ints
//   kByteOffset                    what load_bytes adds to the weights
//   load_bytes, load_low, load_high(from)   weights of 8 bits, and the two halves of such bytes
//   add_step(sums, x, weights)     sums += weights · x for one step
//   prefetch_weights<kRows, kVectors>(weights)

constexpr bool kWidensNibbles = false;

template <int kBits, int kWidth = kBits>
struct Dots;

template <>
struct Dots<8> {
  using Value = int8_t;
  static constexpr int32_t kOffset = kByteOffset;
  static void arrange(const int8_t* step, int8_t* to) { std::memcpy(to, step, 4); }

  template <int kRows, int kVectors>
  [[gnu::always_inline]] static inline void add(Ints (&sums)[kRows][kVectors],
                                                const int8_t* x,
                                                const uint8_t* weights,
                                                int64_t steps) {
    for (int64_t step = 0; step < steps; ++step, x += 4 * kRows, weights += kStepBytes) {
      prefetch_weights<kRows, kVectors>(weights);
      Bytes w[kVectors];
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) w[v] = load_bytes(weights + 4 * kLanes * v);
      add_step(sums, x, w);
    }
  }
};

/// The two halves of a byte are two steps.
template <>
struct Dots<4> {
  using Value = int8_t;
  static constexpr int32_t kOffset = 8;
  static void arrange(const int8_t* step, int8_t* to) { std::memcpy(to, step, 4); }

  template <int kRows, int kVectors>
  [[gnu::always_inline]] static inline void add(Ints (&sums)[kRows][kVectors],
                                                const int8_t* x,
                                                const uint8_t* weights,
                                                int64_t steps) {
    for (int64_t pair = 0; pair < steps / 2; ++pair, x += 8 * kRows, weights += kStepBytes) {
      prefetch_weights<kRows, kVectors>(weights);
      Bytes w[kVectors];
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) w[v] = load_low(weights + 4 * kLanes * v);
      add_step(sums, x, w);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) w[v] = load_high(weights + 4 * kLanes * v);
      add_step(sums, x + 4 * kRows, w);
    }
  }
};
