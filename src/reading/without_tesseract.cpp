// The verifier of builds without Tesseract.

#include "core/error.h"
#include "reading/text_verifier.h"

namespace glm_image::reading {
namespace {

class NoVerifier : public TextVerifier {
 public:
  void require(const std::vector<std::string>& /*texts*/) const override { refuse(); }
  std::vector<TextCheck> verify(const Image& /*image*/,
                                const std::vector<std::string>& /*texts*/) override {
    refuse();
  }

 private:
  [[noreturn]] static void refuse() {
    fail_at(
        ErrorCode::kUnsupported,
        {"", "verify"},
        "verify needs Tesseract, which this program was built without: install libtesseract-dev "
        "and tesseract-ocr-eng, and build it again");
  }
};

}  // namespace

std::unique_ptr<TextVerifier> make_text_verifier() {
  return std::make_unique<NoVerifier>();
}

}  // namespace glm_image::reading
