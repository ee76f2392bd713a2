/* Verification and the best of several pictures, with a reader of texts that is a function of the
 * test. */

#include <stdlib.h>

#include "c_api_test.h"

typedef struct {
  int calls, found_at; /* the picture, from 1 on, in which all texts are found */
  double similarity;   /* of the others */
  int result;
} Reader;

static int read_texts(const glm_image_picture* picture,
                      glm_image_text_check* const* checks,
                      size_t count,
                      void* user_data) {
  Reader* reader = user_data;
  static char read[16]; /* for the texts that are copied after the function */
  size_t i;
  ++reader->calls;
  EXPECT(glm_image_picture_width(picture) == 64 && count == 1);
  for (i = 0; i < count; ++i) {
    const int found = reader->calls == reader->found_at;
    EXPECT(strcmp(checks[i]->text, "École") == 0);
    EXPECT(checks[i]->state == GLM_IMAGE_TEXT_MISSING && *checks[i]->read == 0);
    EXPECT(*checks[i]->unknown_letters == 0 && checks[i]->width == 0);
    checks[i]->state = found ? GLM_IMAGE_TEXT_FOUND : GLM_IMAGE_TEXT_SIMILAR;
    checks[i]->similarity = found ? 1 : reader->similarity;
    checks[i]->read = strcpy(read, "ECOLES");
    checks[i]->unknown_letters = "É";
    checks[i]->left = 3;
    checks[i]->top = 4;
    checks[i]->width = 20;
    checks[i]->height = 10;
  }
  return reader->result;
}

void texts_are_read_back(const char* model, const char* folder) {
  Reader reader = {0, 2, 0.5, 0};
  char* file = path_in(folder, "read.png");
  glm_image_options* options = glm_image_options_create();
  glm_image_pipeline* pipeline = NULL;
  glm_image_request* request = small_request();
  glm_image_result* result = NULL;
  const glm_image_text_check* check;
  EXPECT_OK(glm_image_options_set_verifier(options, read_texts, &reader, &error));
  EXPECT_OK(glm_image_load(model, options, &pipeline, &error));
  glm_image_options_free(options);

  /* The second of three is right. */
  EXPECT_OK(glm_image_request_set_best_of(request, 3, &error));
  EXPECT_OK(glm_image_generate(pipeline, request, NULL, NULL, NULL, &result, &error));
  EXPECT(reader.calls == 2 && glm_image_result_candidates(result) == 2);
  EXPECT(glm_image_result_count(result) == 1);
  EXPECT(glm_image_picture_seed(glm_image_result_picture(result, 0)) == 8);
  EXPECT(glm_image_picture_text_check_count(glm_image_result_picture(result, 0)) == 1);
  EXPECT(glm_image_picture_text_check(glm_image_result_picture(result, 0), 1) == NULL);
  check = glm_image_picture_text_check(glm_image_result_picture(result, 0), 0);
  EXPECT(check != NULL && check->state == GLM_IMAGE_TEXT_FOUND && check->similarity == 1);
  EXPECT(check != NULL && strcmp(check->text, "École") == 0 && strcmp(check->read, "ECOLES") == 0);
  EXPECT(check != NULL && strcmp(check->unknown_letters, "É") == 0);
  EXPECT(check != NULL && check->left == 3 && check->top == 4);
  EXPECT(check != NULL && check->width == 20 && check->height == 10);
  EXPECT_OK(glm_image_picture_write(glm_image_result_picture(result, 0), file, 0, 1, &error));
  EXPECT(file_holds(file, "Texts right: 1 of 1"));
  glm_image_result_free(result);
  EXPECT_OK(glm_image_request_set_best_of(request, 17, &error));
  EXPECT_FAILS(glm_image_check(pipeline, request, &error), GLM_IMAGE_INVALID_INPUT, "best");

  /* Without a choice every picture has its checks. */
  EXPECT_OK(glm_image_request_set_best_of(request, 1, &error));
  EXPECT_OK(glm_image_request_set_verify(request, 1, &error));
  EXPECT_OK(glm_image_request_set_count(request, 2, &error));
  result = NULL;
  EXPECT_OK(glm_image_generate(pipeline, request, NULL, NULL, NULL, &result, &error));
  EXPECT(reader.calls == 4 && glm_image_result_candidates(result) == 0);
  check = glm_image_picture_text_check(glm_image_result_picture(result, 1), 0);
  EXPECT(check != NULL && check->state == GLM_IMAGE_TEXT_SIMILAR && check->similarity == 0.5);
  glm_image_result_free(result);

  /* What the function does wrong is an error. */
  result = NULL;
  reader.similarity = 2;
  EXPECT_FAILS(glm_image_generate(pipeline, request, NULL, NULL, NULL, &result, &error),
               GLM_IMAGE_INVALID_INPUT,
               "found 2");
  reader.result = 1;
  EXPECT_FAILS(glm_image_generate(pipeline, request, NULL, NULL, NULL, &result, &error),
               GLM_IMAGE_INTERNAL,
               "could not read a picture");
  EXPECT(result == NULL);
  glm_image_request_free(request);
  glm_image_pipeline_free(pipeline);
  free(file);
}
