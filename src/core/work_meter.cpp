#include "core/work_meter.h"

#include <utility>

namespace glm_image {
namespace {

thread_local WorkMeter* current_meter = nullptr;

}  // namespace

WorkMeter::WorkMeter(Report report) : report_(std::move(report)), outer_(current_meter) {
  current_meter = this;
}

WorkMeter::~WorkMeter() {
  current_meter = outer_;
}

void report_work(double operations) {
  if (current_meter != nullptr) current_meter->report_(operations);
}

}  // namespace glm_image
