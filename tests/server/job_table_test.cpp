#include "server/job_table.h"

#include <thread>

#include "core/base64.h"
#include "core/error.h"
#include "image/codec.h"
#include "server/api_refusal.h"
#include "support/checked_request.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;
using namespace std::chrono_literals;

Request request_for(const std::string& prompt) {
  return checked_request(prompt, 32, 32, /*steps=*/1, /*guidance=*/1);
}

Result draw_at_once(const Request& request,
                    const ProgressCallback& progress,
                    const PreviewCallback& preview) {
  if (request.prompt == "early") {
    Preview early;
    early.image = {16, 16, std::vector<uint8_t>(3 * 16 * 16, 7)};
    preview(early);
    preview(early);
    while (progress(Progress())) std::this_thread::sleep_for(1ms);
    fail(ErrorCode::kCancelled, "cancelled");
  }
  if (request.prompt == "fails")
    fail_at(ErrorCode::kInvalidInput, {"", "steps"}, "steps must be less");
  Result result;
  result.pictures.resize(1);
  result.pictures[0].image = {32, 32, std::vector<uint8_t>(3 * 32 * 32, 7)};
  return result;
}

class Jobs : public testing::Test {
 protected:
  ~Jobs() override { queue_->close(0s); }

  /// Its identifier, once it is over.
  std::string run(const std::string& prompt, bool as_url = false) {
    ImageRequest wanted;
    wanted.request = request_for(prompt);
    wanted.as_url = as_url;
    const auto record = jobs_.prepare(wanted, nullptr);
    const auto job = queue_->submit(wanted.request, {}, jobs_.keep(record));
    const auto id = jobs_.add(record, job);
    wait_until([&] { return job->is_over(); });
    return id;
  }

  const ModelInfo model_ = {};
  ResultStore store_{{4, size_t{1} << 20, 1h}};
  JobTable jobs_{model_, store_, {2, 1h}};
  std::shared_ptr<JobQueue> queue_ = JobQueue::start(draw_at_once, 2);
};

TEST_F(Jobs, TellTheAnswerWithItsPictures) {
  const auto job = jobs_.describe(run("a pot"), "http://h");
  EXPECT_EQ(job["status"], "completed");
  const auto text = job["result"]["data"][0]["b64_json"].get<std::string>();
  size_t error_at = 0;
  const auto file = from_base64(text, error_at);
  ASSERT_TRUE(file);
  EXPECT_EQ(image::decode_image(*file, "it").width, 32);
  EXPECT_EQ(job["result"]["size"], "32x32");
  const auto url = jobs_.describe(run("a pot", true), "http://h")["result"]["data"][0]["url"];
  const std::string begin = "http://h/v1/images/";
  ASSERT_EQ(url.get<std::string>().substr(0, begin.size()), begin);
  EXPECT_EQ(*store_.find(url.get<std::string>().substr(begin.size()))->bytes, *file);
}

TEST_F(Jobs, HaveTheirNewestEarlyPictureWhileTheyAreAtWork) {
  ImageRequest wanted;
  wanted.request = request_for("early");
  wanted.format = image::ImageFormat::kWebp;
  const auto record = jobs_.prepare(wanted, nullptr);
  const auto job = queue_->submit(wanted.request, {}, jobs_.keep(record));
  const auto id = jobs_.add(record, job);
  wait_until([&] { return jobs_.describe(id, "").value("previews", 0) == 2; });
  const auto early = jobs_.preview(id);
  ASSERT_TRUE(early);
  EXPECT_EQ(early->media_type, "image/webp");
  EXPECT_EQ(image::decode_image(*early->bytes, "it").width, 16);
  EXPECT_EQ(*jobs_.preview(id)->bytes, *early->bytes) << "it stays until there is a newer one";
  jobs_.cancel(id);
  wait_until([&] { return job->is_over(); });
  EXPECT_FALSE(jobs_.preview(id));
  expect_refusal(404, "", [&] { jobs_.preview("x"); });
}

TEST_F(Jobs, TellTheirFailure) {
  const auto job = jobs_.describe(run("fails"), "");
  EXPECT_EQ(job["status"], "failed");
  EXPECT_EQ(job["error"]["param"], "steps");
  EXPECT_FALSE(job.contains("result"));
}

TEST_F(Jobs, AreBoundedByNumber) {
  const auto first = run("1"), second = run("2"), third = run("3");
  const auto list = jobs_.list();
  ASSERT_EQ(list["data"].size(), 2U);
  EXPECT_EQ(list["data"][0]["id"], third);
  EXPECT_EQ(list["data"][1]["id"], second);
  expect_refusal(404, "", [&] { jobs_.describe(first, ""); });
  expect_refusal(404, "", [&] { jobs_.cancel(first); });
  EXPECT_EQ(jobs_.describe(third, "")["status"], "completed");
  jobs_.cancel(third);  // over already: nothing happens
  EXPECT_EQ(jobs_.describe(third, "")["status"], "completed");
}

TEST_F(Jobs, AreForgottenAWhileAfterTheirEnd) {
  JobTable jobs(model_, store_, {2, 0s});
  ImageRequest wanted;
  wanted.request = request_for("a pot");
  const auto record = jobs.prepare(wanted, nullptr);
  const auto job = queue_->submit(wanted.request, {}, jobs.keep(record));
  const auto id = jobs.add(record, job);
  wait_until([&] { return job->is_over(); });
  EXPECT_NO_THROW(jobs.list());  // notices the end
  std::this_thread::sleep_for(1ms);
  expect_refusal(404, "", [&] { jobs.describe(id, ""); });
}

TEST_F(Jobs, SayThatTheirPicturesAreGone) {
  const auto id = run("a pot");
  for (int i = 0; i < 4; ++i) store_.keep({std::make_shared<const std::string>("x"), "image/png"});
  expect_refusal(410, "", [&] { jobs_.describe(id, ""); });
}

}  // namespace
}  // namespace glm_image::test
