/* draw_c MODEL PROMPT OUTPUT: draws a picture through the C interface. */

#include <glm_image.h>
#include <stdio.h>

static int show_progress(const glm_image_progress* progress, void* user_data) {
  (void)user_data;
  fprintf(stderr,
          "\r%s: %lld of %lld          ",
          glm_image_stage_name(progress->stage),
          (long long)progress->step,
          (long long)progress->total);
  return 0; /* another value stops */
}

int main(int count, char** arguments) {
  glm_image_error* error = NULL;
  glm_image_pipeline* pipeline = NULL;
  glm_image_request* request = glm_image_request_create();
  glm_image_result* result = NULL;
  int failed = 1;

  if (count != 4) {
    fprintf(stderr, "usage: %s MODEL PROMPT OUTPUT.png\n", arguments[0]);
  } else if (glm_image_load(arguments[1], NULL, &pipeline, &error) == GLM_IMAGE_OK &&
             glm_image_request_set_prompt(request, arguments[2], &error) == GLM_IMAGE_OK &&
             glm_image_request_set_seed(request, 1, &error) == GLM_IMAGE_OK &&
             glm_image_generate(pipeline, request, show_progress, NULL, NULL, &result, &error) ==
                 GLM_IMAGE_OK) {
    const glm_image_picture* picture = glm_image_result_picture(result, 0);
    fputc('\n', stderr);
    if (glm_image_picture_write(picture, arguments[3], 0, 1, &error) == GLM_IMAGE_OK) {
      printf("%s: %lld x %lld pixels\n",
             arguments[3],
             (long long)glm_image_picture_width(picture),
             (long long)glm_image_picture_height(picture));
      failed = 0;
    }
  }
  if (error != NULL) fprintf(stderr, "%s\n", glm_image_error_message(error));
  glm_image_error_free(error);
  glm_image_result_free(result);
  glm_image_request_free(request);
  glm_image_pipeline_free(pipeline);
  return failed;
}
