#ifndef C_API_TEST_H
#define C_API_TEST_H

#include <glm_image.h>
#include <stdio.h>
#include <string.h>

/* Expectations that did not hold. */
extern int failures;

#define EXPECT(condition)                                             \
  do {                                                                \
    if (!(condition)) {                                               \
      printf("%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
      ++failures;                                                     \
    }                                                                 \
  } while (0)

/* Expects a call to fail with this status and a message that holds this text. */
#define EXPECT_FAILS(call, expected, text)                                           \
  do {                                                                               \
    glm_image_error* error = NULL;                                                   \
    const glm_image_status status = (call);                                          \
    EXPECT(status == (expected));                                                    \
    EXPECT(glm_image_error_status(error) == (expected));                             \
    if (strstr(glm_image_error_message(error), (text)) == NULL) {                    \
      printf("%s:%d: \"%s\"\n", __FILE__, __LINE__, glm_image_error_message(error)); \
      ++failures;                                                                    \
    }                                                                                \
    glm_image_error_free(error);                                                     \
  } while (0)

#define EXPECT_OK(call)                                                                           \
  do {                                                                                            \
    glm_image_error* error = NULL;                                                                \
    EXPECT((call) == GLM_IMAGE_OK);                                                               \
    if (error != NULL) printf("%s:%d: %s\n", __FILE__, __LINE__, glm_image_error_message(error)); \
    glm_image_error_free(error);                                                                  \
  } while (0)

/* The caller frees the path. */
char* path_in(const char* folder, const char* name);
int file_holds(const char* path, const char* text);
/* A small request for the toy checkpoint, with the text "École". */
glm_image_request* small_request(void);

/* text_checks_test.c */
void texts_are_read_back(const char* model, const char* folder);

#endif
