#include "cluster/handshake.h"

#include "cluster/message.h"
#include "core/error.h"
#include "glm_image/pipeline.h"

namespace glm_image::cluster {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kStepLimit{10};
/// Time limit for a peer that has not proved the key, however slowly it sends.
constexpr std::chrono::seconds kStrangerLimit{20};
/// The fingerprint of an adapter or two may still have to be computed.
constexpr std::chrono::seconds kModelLimit{60};
constexpr const char* kProtocol = "glm-image cluster 1";
constexpr const char* kWorker = "worker";
constexpr const char* kCoordinator = "coordinator";

std::string proof_text(const char* role, const std::string& theirs, const std::string& own) {
  return concat(kProtocol, ' ', role, ' ', theirs, ' ', own);
}

std::string text_of(const Message& message, const char* field) {
  const auto found = message.head.find(field);
  if (found == message.head.end() || !found->is_string()) {
    fail(ErrorCode::kUnsupported, "what answers there is no glm-image cluster");
  }
  return found->get<std::string>();
}

Message receive(const Socket& socket, Clock::time_point end) {
  return receive_message(socket, kStepLimit, kStrangerLimits, [&] {
    if (Clock::now() > end) fail(ErrorCode::kInternal, "it took too long to prove the key");
  });
}

void check_version(const Message& hello) {
  const auto theirs = text_of(hello, "version");
  if (theirs == version() && text_of(hello, "protocol") == kProtocol) return;
  fail(ErrorCode::kUnsupported,
       "the other side is glm-image ",
       theirs,
       ", this is ",
       version(),
       "; all ranks need the same version");
}

const char* name_of(Work work) {
  return work == Work::kTraining ? "train" : "draw";
}

/// Returns why a worker cannot take part in the coordinator's work, or "" if it can.
std::string difference(Work coordinator, const std::string& worker) {
  if (worker == name_of(coordinator)) return "";
  return coordinator == Work::kTraining
             ? "the coordinator trains; start its workers with --train-in FOLDER"
             : "the coordinator draws; start its workers without --train-in";
}

Message hello(const std::string& challenge) {
  return Message("hello",
                 {{"protocol", kProtocol}, {"version", version()}, {"challenge", challenge}});
}

}  // namespace

Welcome join(const Socket& socket, const Secret& secret, const ModelFingerprint& model, Work work) {
  const auto end = Clock::now() + kStrangerLimit;
  const auto own = new_challenge();
  const auto theirs = receive(socket, end);
  check_version(theirs);
  const auto challenge = text_of(theirs, "challenge");
  auto answer = hello(own);
  answer.head["proof"] = secret.sign(proof_text(kWorker, challenge, own));
  send_message(socket, answer, kStepLimit);
  const auto proof = receive(socket, end);
  if (proof.type() == "refusal") fail(ErrorCode::kInvalidInput, text_of(proof, "reason"));
  if (!secret.verifies(proof_text(kCoordinator, own, challenge), text_of(proof, "proof"))) {
    fail(ErrorCode::kInvalidInput,
         "the coordinator has another key; all ranks need the same --cluster-key-file");
  }
  send_message(socket,
               Message("model", {{"work", name_of(work)}, {"fingerprint", to_json(model)}}),
               kStepLimit);
  const auto decision = receive_message(socket, kModelLimit, MessageLimits());
  if (decision.type() != "welcome") {
    fail(ErrorCode::kInvalidInput, text_of(decision, "reason"));
  }
  Welcome welcome;
  welcome.rank = decision.head.value("rank", 0);
  welcome.world = decision.head.value("world", 0);
  welcome.dtype = text_of(decision, "dtype");
  welcome.vae_dtype = text_of(decision, "vae_dtype");
  welcome.task = decision.head.value("task", nlohmann::json());
  return welcome;
}

void admit(const Socket& socket,
           const Secret& secret,
           const ModelFingerprint& model,
           const std::function<Welcome()>& welcome,
           Work work) {
  const auto end = Clock::now() + kStrangerLimit;
  const auto own = new_challenge();
  send_message(socket, hello(own), kStepLimit);
  const auto theirs = receive(socket, end);
  check_version(theirs);
  const auto challenge = text_of(theirs, "challenge");
  const auto refuse = [&](const std::string& reason) {
    send_message(socket, Message("refusal", {{"reason", reason}}), kStepLimit);
    fail(ErrorCode::kInvalidInput, reason);
  };
  if (!secret.verifies(proof_text(kWorker, own, challenge), text_of(theirs, "proof"))) {
    refuse("the worker has another key; all ranks need the same --cluster-key-file");
  }
  const auto proof = secret.sign(proof_text(kCoordinator, challenge, own));
  send_message(socket, Message("proof", {{"proof", proof}}), kStepLimit);
  const auto theirs_model = receive_message(socket, kModelLimit, MessageLimits());
  const auto other_work = difference(work, text_of(theirs_model, "work"));
  if (!other_work.empty()) refuse(other_work);
  const auto other_model = model.difference(
      fingerprint_from_json(theirs_model.head.value("fingerprint", nlohmann::json())));
  if (!other_model.empty()) refuse(other_model);
  const auto decision = welcome();
  send_message(socket,
               Message("welcome",
                       {{"rank", decision.rank},
                        {"world", decision.world},
                        {"dtype", decision.dtype},
                        {"vae_dtype", decision.vae_dtype},
                        {"task", decision.task}}),
               kStepLimit);
}

}  // namespace glm_image::cluster
