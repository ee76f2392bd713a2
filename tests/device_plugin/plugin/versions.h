#pragma once

// Differences between LibTorch 1.13 and 2.x for a device plugin.

#include <c10/core/Allocator.h>
#include <torch/version.h>

#define TEST_DEVICE_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) ||              \
   (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

/// Allocator::allocate is const up to 2.2.
#if TEST_DEVICE_TORCH_AT_LEAST(2, 3)
#define TEST_DEVICE_ALLOCATE_CONST
#else
#define TEST_DEVICE_ALLOCATE_CONST const
#endif

/// Since 2.0 a plugin can name its device, as Ascend's does ("npu"); before, the name is
/// "privateuseone".
#if TEST_DEVICE_TORCH_AT_LEAST(2, 0)
#define TEST_DEVICE_HAS_NAME 1
#endif

/// Since 2.5 autograd requires hooks from a plugin.
#if TEST_DEVICE_TORCH_AT_LEAST(2, 5)
#include <ATen/detail/PrivateUse1HooksInterface.h>
#define TEST_DEVICE_NEEDS_HOOKS 1
#endif
