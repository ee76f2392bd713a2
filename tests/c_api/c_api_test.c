/* The C interface, used from C. c_api_test MODEL WORK_FOLDER: exits 0 if all expectations hold. */

#include "c_api_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int failures = 0;

typedef struct {
  int calls, stop_at, denoised, previews, drafts;
} Seen;

static int count_progress(const glm_image_progress* progress, void* user_data) {
  Seen* seen = user_data;
  ++seen->calls;
  if (progress->stage == GLM_IMAGE_STAGE_DENOISING) seen->denoised = 1;
  EXPECT(progress->step >= 0 && progress->step <= progress->total);
  return seen->stop_at != 0 && seen->calls >= seen->stop_at;
}

static void count_previews(const glm_image_preview* preview, void* user_data) {
  Seen* seen = user_data;
  ++seen->previews;
  seen->drafts += preview->is_draft;
  EXPECT(glm_image_picture_pixels(preview->picture) != NULL);
  EXPECT(glm_image_picture_width(preview->picture) > 0);
}

char* path_in(const char* folder, const char* name) {
  char* path = malloc(strlen(folder) + strlen(name) + 2);
  sprintf(path, "%s/%s", folder, name);
  return path;
}

int file_holds(const char* path, const char* text) {
  static char bytes[1 << 20];
  const size_t length = strlen(text);
  FILE* file = fopen(path, "rb");
  size_t size, i;
  if (file == NULL) return 0;
  size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  for (i = 0; i + length <= size; ++i) {
    if (memcmp(bytes + i, text, length) == 0) return 1;
  }
  return 0;
}

/* Without a folder to write to, pictures that were not written would be read. */
static int is_writable(const char* folder) {
  char* path = path_in(folder, "empty");
  FILE* file = fopen(path, "wb");
  if (file == NULL) printf("%s: cannot be written to: %s\n", folder, strerror(errno));
  if (file != NULL) fclose(file);
  free(path);
  return file != NULL;
}

static void null_arguments_are_refused(void) {
  glm_image_picture* picture = NULL;
  glm_image_pipeline* pipeline = NULL;
  glm_image_request* request = glm_image_request_create();
  EXPECT_FAILS(
      glm_image_load(NULL, NULL, &pipeline, &error), GLM_IMAGE_INVALID_INPUT, "directory is NULL");
  EXPECT_FAILS(
      glm_image_load("x", NULL, NULL, &error), GLM_IMAGE_INVALID_INPUT, "pipeline is NULL");
  EXPECT_FAILS(
      glm_image_request_set_prompt(NULL, "x", &error), GLM_IMAGE_INVALID_INPUT, "request is NULL");
  EXPECT_FAILS(glm_image_request_set_prompt(request, NULL, &error),
               GLM_IMAGE_INVALID_INPUT,
               "prompt is NULL");
  EXPECT_FAILS(glm_image_picture_create(8, 8, NULL, &picture, &error),
               GLM_IMAGE_INVALID_INPUT,
               "pixels is NULL");
  EXPECT_FAILS(glm_image_options_set_dtype(NULL, GLM_IMAGE_DTYPE_AUTO, &error),
               GLM_IMAGE_INVALID_INPUT,
               "options is NULL");
  /* No error object is wanted. */
  EXPECT(glm_image_load("no/such/folder", NULL, &pipeline, NULL) == GLM_IMAGE_NOT_FOUND);
  EXPECT(pipeline == NULL && picture == NULL);
  EXPECT(glm_image_error_status(NULL) == GLM_IMAGE_OK && *glm_image_error_message(NULL) == 0);
  EXPECT(glm_image_picture_width(NULL) == 0 && glm_image_picture_pixels(NULL) == NULL);
  EXPECT(glm_image_result_candidates(NULL) == 0);
  EXPECT(glm_image_picture_text_check_count(NULL) == 0);
  EXPECT(glm_image_picture_text_check(NULL, 0) == NULL);
  EXPECT(glm_image_result_count(NULL) == 0 && glm_image_result_picture(NULL, 0) == NULL);
  EXPECT(*glm_image_pipeline_name(NULL) == 0);
  glm_image_request_free(request);
  glm_image_request_free(NULL);
  glm_image_result_free(NULL);
  glm_image_pipeline_free(NULL);
  glm_image_options_free(NULL);
  glm_image_picture_free(NULL);
  glm_image_bytes_free(NULL);
}

static void options_are_checked(const char* model) {
  glm_image_options* options = glm_image_options_create();
  glm_image_pipeline* pipeline = NULL;
  EXPECT_FAILS(glm_image_options_set_dtype(options, (glm_image_dtype)3, &error),
               GLM_IMAGE_INVALID_INPUT,
               "dtype has no value 3");
  EXPECT_FAILS(
      glm_image_options_set_threads(options, -1, &error), GLM_IMAGE_INVALID_INPUT, "found -1");
  EXPECT_FAILS(
      glm_image_options_set_max_memory(options, -1, &error), GLM_IMAGE_INVALID_INPUT, "found -1");
  EXPECT_OK(glm_image_options_set_threads(options, 1, &error));
  EXPECT_OK(glm_image_options_set_dtype(options, GLM_IMAGE_DTYPE_FLOAT32, &error));
  EXPECT_OK(glm_image_options_set_vae_dtype(options, GLM_IMAGE_DTYPE_FLOAT32, &error));
  EXPECT_OK(glm_image_options_set_residency(options, GLM_IMAGE_RESIDENCY_ALL, &error));
  EXPECT_OK(glm_image_options_set_max_memory(options, 0, &error));
  EXPECT_OK(glm_image_options_set_strict(options, 1, &error));
  EXPECT_OK(glm_image_options_set_device(options, "nowhere:9", NULL, &error));
  EXPECT(glm_image_load(model, options, &pipeline, NULL) != GLM_IMAGE_OK);
  EXPECT_OK(glm_image_options_set_device(options, "cpu", NULL, &error));
  EXPECT_OK(glm_image_options_add_adapter(options, "no/such.safetensors", 1, &error));
  EXPECT_FAILS(glm_image_load(model, options, &pipeline, &error),
               GLM_IMAGE_NOT_FOUND,
               "no/such.safetensors");
  EXPECT(pipeline == NULL);
  glm_image_options_free(options);
}

static void pictures_are_read_and_written(const char* folder) {
  unsigned char pixels[4 * 2 * 3];
  char* file = path_in(folder, "plain.png");
  char* wrong = path_in(folder, "plain.gif");
  glm_image_picture *picture = NULL, *read = NULL;
  unsigned char* bytes = NULL;
  size_t size = 0, i;
  for (i = 0; i < sizeof pixels; ++i) pixels[i] = (unsigned char)(i * 10);
  EXPECT_FAILS(glm_image_picture_create(0, 2, pixels, &picture, &error),
               GLM_IMAGE_INVALID_INPUT,
               "found 0x2");
  EXPECT_FAILS(glm_image_picture_create(INT64_MAX, INT64_MAX, pixels, &picture, &error),
               GLM_IMAGE_INVALID_INPUT,
               "at most");
  EXPECT_OK(glm_image_picture_create(4, 2, pixels, &picture, &error));
  EXPECT_OK(glm_image_picture_write(picture, file, 0, 1, &error));
  EXPECT_OK(glm_image_picture_read(file, &read, &error));
  EXPECT(glm_image_picture_width(read) == 4 && glm_image_picture_height(read) == 2);
  EXPECT(memcmp(glm_image_picture_pixels(read), pixels, sizeof pixels) == 0);
  EXPECT(!file_holds(file, "DigitalSourceType"));
  EXPECT_FAILS(
      glm_image_picture_write(picture, wrong, 0, 1, &error), GLM_IMAGE_INVALID_INPUT, ".gif");
  EXPECT_FAILS(glm_image_picture_write(picture, "/nowhere/a.png", 0, 1, &error),
               GLM_IMAGE_OUTPUT,
               "/nowhere");
  EXPECT_FAILS(
      glm_image_picture_write(picture, file, 101, 1, &error), GLM_IMAGE_INVALID_INPUT, "101");
  EXPECT_FAILS(
      glm_image_picture_read("/nowhere.png", &read, &error), GLM_IMAGE_NOT_FOUND, "/nowhere.png");
  EXPECT_FAILS(glm_image_picture_encode(picture, "gif", 0, 1, &bytes, &size, &error),
               GLM_IMAGE_INVALID_INPUT,
               "gif");
  EXPECT_OK(glm_image_picture_encode(picture, "webp", 100, 1, &bytes, &size, &error));
  EXPECT(size > 12 && memcmp(bytes, "RIFF", 4) == 0);
  glm_image_bytes_free(bytes);
  glm_image_picture_free(picture);
  glm_image_picture_free(read);
  free(file);
  free(wrong);
}

glm_image_request* small_request(void) {
  glm_image_request* request = glm_image_request_create();
  EXPECT_OK(glm_image_request_set_prompt(request, "Une affiche avec le titre « École »", &error));
  EXPECT_OK(glm_image_request_set_size(request, 64, 64, &error));
  EXPECT_OK(glm_image_request_set_steps(request, 2, &error));
  EXPECT_OK(glm_image_request_set_seed(request, 7, &error));
  return request;
}

static void draws(glm_image_pipeline* pipeline, const char* folder) {
  glm_image_request* request = small_request();
  glm_image_result *result = NULL, *again = NULL;
  Seen seen = {0, 0, 0, 0, 0};
  char* file = path_in(folder, "drawn.png");
  char* bare = path_in(folder, "bare.png");
  const glm_image_picture* picture;
  EXPECT_OK(glm_image_request_set_count(request, 2, &error));
  EXPECT_OK(glm_image_request_add_text(request, "Marché", &error));
  EXPECT_OK(glm_image_request_set_guidance(request, 2, &error));
  EXPECT_OK(glm_image_request_set_solver(request, GLM_IMAGE_SOLVER_MULTISTEP, &error));
  EXPECT_OK(glm_image_request_set_glyph_rules(request, GLM_IMAGE_GLYPH_RULES_SMART, &error));
  EXPECT_OK(glm_image_request_set_guidance_interval(request, 0, 1, &error));
  EXPECT_OK(glm_image_request_set_guidance_every(request, 2, &error));
  EXPECT_OK(glm_image_request_set_step_cache(request, 0, &error));
  EXPECT_OK(glm_image_request_set_sampling(request, 1, 0.9, &error));
  EXPECT_OK(glm_image_request_set_previews(request, 1, &error));
  EXPECT_OK(glm_image_check(pipeline, request, &error));
  EXPECT_OK(glm_image_generate(
      pipeline, request, count_progress, count_previews, &seen, &result, &error));
  EXPECT(seen.denoised && seen.previews > 0);
  EXPECT(glm_image_result_count(result) == 2 && glm_image_result_picture(result, 2) == NULL);
  EXPECT(glm_image_result_text_count(result) == 2 && glm_image_result_text(result, 2) == NULL);
  EXPECT(strcmp(glm_image_result_text(result, 0), "École") == 0);
  picture = glm_image_result_picture(result, 1);
  EXPECT(glm_image_picture_width(picture) == 64 && glm_image_picture_height(picture) == 64);
  EXPECT(glm_image_picture_seed(picture) == 8);
  /* The same request draws the same pictures; NULL callbacks are none. */
  EXPECT_OK(glm_image_generate(pipeline, request, NULL, NULL, NULL, &again, &error));
  EXPECT(memcmp(glm_image_picture_pixels(picture),
                glm_image_picture_pixels(glm_image_result_picture(again, 1)),
                64 * 64 * 3) == 0);
  EXPECT_OK(glm_image_picture_write(picture, file, 0, 1, &error));
  EXPECT(file_holds(file, "/trainedAlgorithmicMedia\"") && file_holds(file, "Une affiche"));
  EXPECT_OK(glm_image_picture_write(picture, bare, 0, 0, &error));
  EXPECT(file_holds(bare, "/trainedAlgorithmicMedia\"") && !file_holds(bare, "Une affiche"));
  glm_image_request_free(request);
  glm_image_result_free(again);

  /* The composition of a picture, painted again. */
  request = small_request();
  EXPECT_OK(glm_image_request_set_composition(request, picture, &error));
  EXPECT_OK(glm_image_request_set_speed(request, GLM_IMAGE_SPEED_BALANCED, &error));
  again = NULL;
  EXPECT_OK(glm_image_generate(pipeline, request, NULL, NULL, NULL, &again, &error));
  EXPECT(glm_image_result_count(again) == 1);
  glm_image_request_free(request);
  glm_image_result_free(again);
  glm_image_result_free(result);
  free(file);
  free(bare);
}

static void edits(glm_image_pipeline* pipeline, const char* folder) {
  static unsigned char grey[64 * 64 * 3];
  char* file = path_in(folder, "edited.webp");
  glm_image_picture* picture = NULL;
  glm_image_result* result = NULL;
  glm_image_request* request = small_request();
  memset(grey, 128, sizeof grey);
  EXPECT_OK(glm_image_picture_create(64, 64, grey, &picture, &error));
  EXPECT_FAILS(glm_image_request_set_composition(request, picture, &error),
               GLM_IMAGE_INVALID_INPUT,
               "it was not generated");
  EXPECT_OK(glm_image_request_add_picture(request, picture, &error));
  glm_image_picture_free(picture);
  EXPECT_OK(glm_image_generate(pipeline, request, NULL, NULL, NULL, &result, &error));
  EXPECT_OK(glm_image_picture_write(glm_image_result_picture(result, 0), file, 90, 1, &error));
  EXPECT(file_holds(file, "compositeWithTrainedAlgorithmicMedia"));
  glm_image_result_free(result);
  glm_image_request_free(request);
  free(file);
}

static void drafts_are_completed(glm_image_pipeline* pipeline) {
  glm_image_request* request = small_request();
  glm_image_result *drafts = NULL, *finished = NULL;
  const glm_image_picture* draft;
  EXPECT_OK(glm_image_request_set_draft(request, 1, &error));
  EXPECT_OK(glm_image_request_set_count(request, 2, &error));
  EXPECT_OK(glm_image_generate(pipeline, request, NULL, NULL, NULL, &drafts, &error));
  EXPECT(glm_image_result_count(drafts) == 2);
  draft = glm_image_result_picture(drafts, 1);
  /* A draft of about 16x16 tokens. */
  EXPECT(glm_image_picture_width(draft) == 512 && glm_image_picture_height(draft) == 512);
  glm_image_request_free(request);

  request = small_request();
  EXPECT_OK(glm_image_request_set_size(request, 0, 0, &error));
  EXPECT_OK(glm_image_request_set_composition(request, draft, &error));
  EXPECT_OK(glm_image_generate(pipeline, request, NULL, NULL, NULL, &finished, &error));
  EXPECT(glm_image_picture_width(glm_image_result_picture(finished, 0)) == 64);
  glm_image_request_free(request);
  glm_image_result_free(drafts);
  glm_image_result_free(finished);
}

static void sizes_are_bounded(glm_image_pipeline* pipeline) {
  static unsigned char grey[512 * 384 * 3];
  glm_image_picture* picture = NULL;
  glm_image_request* request = small_request();
  glm_image_memory_plan *large = NULL, *small = NULL;
  size_t i;
  EXPECT_OK(glm_image_request_set_max_pixels(request, 2048, &error));
  EXPECT_FAILS(glm_image_check(pipeline, request, &error), GLM_IMAGE_INVALID_INPUT, "2048 pixels");
  EXPECT_OK(glm_image_request_set_max_pixels(request, 4096, &error));
  EXPECT_OK(glm_image_check(pipeline, request, &error));
  EXPECT_OK(glm_image_picture_create(512, 384, grey, &picture, &error));
  EXPECT_OK(glm_image_request_add_picture(request, picture, &error));
  glm_image_picture_free(picture);
  EXPECT_OK(glm_image_plan_memory(pipeline, request, &large, &error));
  EXPECT_OK(glm_image_request_set_reference_pixels(request, 64 * 64, &error));
  EXPECT_OK(glm_image_plan_memory(pipeline, request, &small, &error));
  EXPECT(glm_image_memory_plan_stage_count(large) == 5);
  EXPECT(glm_image_memory_plan_stage_count(small) == 5);
  EXPECT(glm_image_memory_plan_stage(large, 5) == NULL);
  EXPECT(glm_image_memory_plan_allowed(large) > 0);
  for (i = 0; i < glm_image_memory_plan_stage_count(large); ++i) {
    const glm_image_stage_memory* stage = glm_image_memory_plan_stage(large, i);
    EXPECT(*stage->stage != 0 && *stage->component != 0);
    EXPECT(stage->weights >= stage->resident && stage->total > stage->working);
    EXPECT(stage->working >= glm_image_memory_plan_stage(small, i)->working);
    if (strcmp(stage->stage, "encode") == 0) {
      EXPECT(stage->working > glm_image_memory_plan_stage(small, i)->working);
    }
  }
  EXPECT_FAILS(glm_image_plan_memory(pipeline, request, NULL, &error),
               GLM_IMAGE_INVALID_INPUT,
               "plan is NULL");
  EXPECT_OK(glm_image_request_set_reference_pixels(request, 9, &error));
  EXPECT_FAILS(
      glm_image_check(pipeline, request, &error), GLM_IMAGE_INVALID_INPUT, "reference-pixels");
  glm_image_memory_plan_free(large);
  glm_image_memory_plan_free(small);
  glm_image_memory_plan_free(NULL);
  glm_image_request_free(request);
}

static void stops_and_refuses(glm_image_pipeline* pipeline) {
  Seen seen = {0, 3, 0, 0, 0};
  glm_image_request* request = small_request();
  glm_image_result* result = NULL;
  EXPECT_FAILS(glm_image_generate(pipeline, request, count_progress, NULL, &seen, &result, &error),
               GLM_IMAGE_CANCELLED,
               "");
  EXPECT(result == NULL && seen.calls == 3);
  EXPECT_OK(glm_image_request_set_steps(request, 0, &error));
  EXPECT_FAILS(glm_image_check(pipeline, request, &error), GLM_IMAGE_INVALID_INPUT, "steps");
  EXPECT_FAILS(glm_image_generate(pipeline, request, NULL, NULL, NULL, &result, &error),
               GLM_IMAGE_INVALID_INPUT,
               "steps");
  EXPECT_FAILS(glm_image_generate(pipeline, NULL, NULL, NULL, NULL, &result, &error),
               GLM_IMAGE_INVALID_INPUT,
               "request is NULL");
  glm_image_request_free(request);
  request = small_request();
  EXPECT_OK(glm_image_request_add_adapter(request, "nobody", 1, &error));
  EXPECT_FAILS(glm_image_check(pipeline, request, &error), GLM_IMAGE_INVALID_INPUT, "nobody");
  glm_image_request_free(request);
  request = small_request();
  EXPECT_OK(glm_image_request_set_verify(request, 1, &error));
  EXPECT_FAILS(
      glm_image_check(pipeline, request, &error), GLM_IMAGE_UNSUPPORTED, "a reader of text");
  glm_image_request_free(request);
  /* It draws after all of this. */
  request = small_request();
  EXPECT_OK(glm_image_pipeline_unload(pipeline, &error));
  EXPECT_OK(glm_image_generate(pipeline, request, NULL, NULL, NULL, &result, &error));
  glm_image_result_free(result);
  glm_image_request_free(request);
}

int main(int count, char** arguments) {
  glm_image_pipeline* pipeline = NULL;
  if (count != 3) return 2;
  if (!is_writable(arguments[2])) return 1;
  EXPECT(strchr(glm_image_version(), '.') != NULL);
  EXPECT(strcmp(glm_image_stage_name(GLM_IMAGE_STAGE_DENOISING), "") != 0);
  EXPECT(strcmp(glm_image_stage_name(GLM_IMAGE_STAGE_VERIFYING), "") != 0);
  EXPECT(strcmp(glm_image_stage_name((glm_image_stage)(GLM_IMAGE_STAGE_VERIFYING + 1)), "") == 0);
  null_arguments_are_refused();
  options_are_checked(arguments[1]);
  pictures_are_read_and_written(arguments[2]);
  EXPECT_OK(glm_image_load(arguments[1], NULL, &pipeline, &error));
  if (pipeline == NULL) return 1;
  EXPECT(strcmp(glm_image_pipeline_device(pipeline), "cpu") == 0);
  EXPECT(strcmp(glm_image_pipeline_name(pipeline), "model") == 0);
  EXPECT(glm_image_pipeline_warning(pipeline, glm_image_pipeline_warning_count(pipeline)) == NULL);
  draws(pipeline, arguments[2]);
  edits(pipeline, arguments[2]);
  drafts_are_completed(pipeline);
  texts_are_read_back(arguments[1], arguments[2]);
  sizes_are_bounded(pipeline);
  stops_and_refuses(pipeline);
  glm_image_pipeline_free(pipeline);
  if (failures == 0) printf("all expectations hold\n");
  return failures == 0 ? 0 : 1;
}
