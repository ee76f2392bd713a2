#pragma once

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>

/// The server uses Boost.Asio and Boost.Beast. Their non-template parts are compiled once, in
/// boost.cpp.
namespace glm_image::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = boost::asio::ip::tcp;
using Clock = std::chrono::steady_clock;

}  // namespace glm_image::server
