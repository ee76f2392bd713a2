#pragma once

#include <functional>
#include <string>

#include "cluster/model_fingerprint.h"
#include "cluster/secret.h"
#include "cluster/socket.h"

/// How a worker joins. Before either side learns anything but the other's version, both prove that
/// they have the key:
///
///   coordinator → worker  hello    {version, challenge}
///   worker → coordinator  hello    {version, challenge, proof}
///   coordinator → worker  proof    {proof}
///   worker → coordinator  model    {work, fingerprint}
///   coordinator → worker  welcome  {rank, world, dtype, vae_dtype, task}   or   refusal {reason}
///
/// A proof is the HMAC-SHA256 of the sender's role, the other side's challenge and its own. The
/// role keeps a proof from being sent back to where it came from.
namespace glm_image::cluster {

/// The work of a cluster. A training's files are compared after its task is known (Members), so
/// that its fingerprint here is empty.
enum class Work { kDrawing, kTraining };

/// The coordinator's message to a worker that it admits.
struct Welcome {
  int rank = 0;
  int world = 0;
  std::string dtype, vae_dtype;  ///< that all ranks compute in, as in ModelInfo
  nlohmann::json task = {};      ///< of a training: its settings; null otherwise
};

/// The worker's side. Throws kUnsupported for another version, kInvalidInput for a wrong key, for
/// other work and for another model, naming what differs.
Welcome join(const Socket& socket,
             const Secret& secret,
             const ModelFingerprint& model,
             Work work = Work::kDrawing);

/// The coordinator's side. Throws Error, after telling the worker the reason where it has proved
/// the key. Calls `welcome`, which assigns the rank, after all checks.
void admit(const Socket& socket,
           const Secret& secret,
           const ModelFingerprint& model,
           const std::function<Welcome()>& welcome,
           Work work = Work::kDrawing);

}  // namespace glm_image::cluster
