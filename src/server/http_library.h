#pragma once

#include <httplib.h>

#include <functional>
#include <string>
#include <utility>

/// cpp-httplib 0.11 (Debian 12) and its successors as one: what differs between them is named here
/// and nowhere else. The later ones know their version as a number.
namespace glm_image::server {

/// httplib::Stream; `is_writable` is what later versions call wait_writable.
class HttpLibraryStream : public httplib::Stream {
 public:
#ifdef CPPHTTPLIB_VERSION_NUM
  virtual bool is_writable() const = 0;
  bool wait_readable() const override {
    return is_readable();
  }
  bool wait_writable() const override {
    return is_writable();
  }
  time_t duration() const override {
    return 0;
  }
#endif
};

/// What enqueue returns: nothing, or later whether the task was taken.
using TaskTaken =
    decltype(std::declval<httplib::TaskQueue&>().enqueue(std::declval<std::function<void()>>()));

class HttpLibraryServer : public httplib::Server {
 protected:
  /// Reads one request and answers it; false when the connection cannot go on.
  bool process_one_request(HttpLibraryStream& stream,
                           bool is_last,
                           bool& closes,
                           const std::function<void(httplib::Request&)>& setup) {
#ifdef CPPHTTPLIB_VERSION_NUM
    std::string remote_address, local_address;
    int remote_port = 0, local_port = 0;
    stream.get_remote_ip_and_port(remote_address, remote_port);
    stream.get_local_ip_and_port(local_address, local_port);
    return process_request(
        stream, remote_address, remote_port, local_address, local_port, is_last, closes, setup);
#else
    return process_request(stream, is_last, closes, setup);
#endif
  }
};

}  // namespace glm_image::server
