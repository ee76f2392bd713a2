#pragma once

#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include "cli/interrupt.h"
#include "cli/translation.h"
#include "core/error.h"

/// How `worker` joins: it waits for a coordinator, and with --stay for the next one.
namespace glm_image::cli {

inline constexpr std::chrono::seconds kBetweenAttempts{1};

/// Whether no signal has asked the program to stop.
inline bool goes_on() {
  return interrupted_by() == 0;
}

/// Calls `join`, which makes a std::unique_ptr, until somebody listens at the address. Returns null
/// on an interrupt.
template <typename Join>
auto join_when_there(const std::string& address, bool quiet, const Join& join) -> decltype(join()) {
  for (bool told = false; goes_on(); std::this_thread::sleep_for(kBetweenAttempts)) {
    try {
      return join();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotFound) throw;
      if (!told && !quiet) {
        std::cerr << tr("waiting for a coordinator at %1", {address}) + "\n";
      }
      told = true;
    }
  }
  return nullptr;
}

/// Calls `work` for one coordinator; with `stay` again after each that has ended or was lost.
/// Throws kCancelled on an interrupt.
template <typename Work>
void work_for_coordinators(bool stay, const Work& work) {
  do {
    try {
      work();
    } catch (const Error& error) {
      if (!stay || error.code() != ErrorCode::kInternal) throw;
      std::cerr << translated(error.what()) << '\n';
      std::this_thread::sleep_for(kBetweenAttempts);
    }
  } while (stay && goes_on());
  if (!goes_on()) fail(ErrorCode::kCancelled, "stopped");
}

}  // namespace glm_image::cli
