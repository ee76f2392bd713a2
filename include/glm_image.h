/* The C interface of glm-image: loads a model, draws and edits pictures, reads and writes files.
 *
 *   glm_image_error* error = NULL;
 *   glm_image_pipeline* pipeline = NULL;
 *   glm_image_request* request = glm_image_request_create();
 *   glm_image_result* result = NULL;
 *   if (glm_image_load("models/glm-image", NULL, &pipeline, &error) == GLM_IMAGE_OK &&
 *       glm_image_request_set_prompt(request, "A poster, \"OPEN DAY\"", &error) == GLM_IMAGE_OK &&
 *       glm_image_generate(pipeline, request, NULL, NULL, NULL, &result, &error) == GLM_IMAGE_OK) {
 *     glm_image_picture_write(glm_image_result_picture(result, 0), "poster.png", 0, 1, &error);
 *   }
 *   if (error != NULL) fprintf(stderr, "%s\n", glm_image_error_message(error));
 *   glm_image_error_free(error); ...
 *
 * Errors. Functions that can fail return a glm_image_status. If the last argument, `error`, is not
 * NULL, they store a new error there, which the caller frees, or NULL on success. On failure,
 * other outputs are unchanged. A NULL object is GLM_IMAGE_INVALID_INPUT. No C++ exception leaves
 * the library.
 *
 * Ownership. What a function named ..._create, load, generate, read or encode returns belongs to
 * the caller, who frees it with the function of its type; these accept NULL. All other pointers
 * stay valid as long as the object that they came from. Texts are UTF-8; the library copies those
 * that it is given.
 *
 * Threads. An object may be used by one thread at a time. Different objects are independent, except
 * for what all pipelines of a process share: the number of CPU threads and loaded device plugins.
 *
 * Compatibility. The functions carry symbol versions (GLM_IMAGE_C_1.0, 1.1). A program that was
 * linked with this version also runs with later libraries of the name libglm_image_c.so.1. Later
 * versions may add functions, values of enumerations, and fields at the end of structures.
 */
#ifndef GLM_IMAGE_H
#define GLM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define GLM_IMAGE_API __attribute__((visibility("default")))
#else
#define GLM_IMAGE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, such as "0.1.0". */
GLM_IMAGE_API const char* glm_image_version(void);

/* -- Errors ------------------------------------------------------------------------------------ */

typedef enum glm_image_status {
  GLM_IMAGE_OK = 0,
  GLM_IMAGE_INVALID_INPUT = 1, /* an argument, prompt, picture or field that is not allowed */
  GLM_IMAGE_NOT_FOUND = 2,     /* a file, component or device that does not exist */
  GLM_IMAGE_CORRUPT_FILE = 3,  /* a file whose contents do not match its format */
  GLM_IMAGE_UNSUPPORTED = 4,   /* well-formed, but not supported by this library */
  GLM_IMAGE_OUTPUT = 5,        /* a path that a result cannot be written to */
  GLM_IMAGE_OUT_OF_MEMORY = 6,
  GLM_IMAGE_CANCELLED = 7, /* the progress function asked to stop */
  GLM_IMAGE_INTERNAL = 8   /* a fault of the library or the machine */
} glm_image_status;

typedef struct glm_image_error glm_image_error;

GLM_IMAGE_API glm_image_status glm_image_error_status(const glm_image_error* error);
/* One sentence that names the file, field or option at fault; "" for NULL. */
GLM_IMAGE_API const char* glm_image_error_message(const glm_image_error* error);
GLM_IMAGE_API void glm_image_error_free(glm_image_error* error);

/* -- Pictures ---------------------------------------------------------------------------------- */

/* A picture in memory: 8-bit RGB, row by row, three bytes a pixel. A generated picture also holds
 * its parameters and its composition. */
typedef struct glm_image_picture glm_image_picture;

/* Copies width * height * 3 bytes of `pixels`. Sides are 1 to 16384, pixels at most 64 Mi. */
GLM_IMAGE_API glm_image_status glm_image_picture_create(int64_t width,
                                                        int64_t height,
                                                        const unsigned char* pixels,
                                                        glm_image_picture** picture,
                                                        glm_image_error** error);
/* Reads a PNG, JPEG or WebP file, turned upright as its metadata say. */
GLM_IMAGE_API glm_image_status glm_image_picture_read(const char* path,
                                                      glm_image_picture** picture,
                                                      glm_image_error** error);
GLM_IMAGE_API void glm_image_picture_free(glm_image_picture* picture);

GLM_IMAGE_API int64_t glm_image_picture_width(const glm_image_picture* picture);
GLM_IMAGE_API int64_t glm_image_picture_height(const glm_image_picture* picture);
/* width * height * 3 bytes. */
GLM_IMAGE_API const unsigned char* glm_image_picture_pixels(const glm_image_picture* picture);
/* The seed of a generated picture, else 0. */
GLM_IMAGE_API uint64_t glm_image_picture_seed(const glm_image_picture* picture);

/* Writes a .png, .jpg, .jpeg or .webp file, whole or not at all. `quality` of JPEG and WebP is 1 to
 * 100, or 0 for the default (95). The file of a generated picture says in XMP that it was generated
 * (IPTC DigitalSourceType), and holds its prompt and settings unless `parameters` is 0. */
GLM_IMAGE_API glm_image_status glm_image_picture_write(const glm_image_picture* picture,
                                                       const char* path,
                                                       int quality,
                                                       int parameters,
                                                       glm_image_error** error);
/* The same in memory; `format` is "png", "jpeg" or "webp". The caller frees `bytes` with
 * glm_image_bytes_free. */
GLM_IMAGE_API glm_image_status glm_image_picture_encode(const glm_image_picture* picture,
                                                        const char* format,
                                                        int quality,
                                                        int parameters,
                                                        unsigned char** bytes,
                                                        size_t* size,
                                                        glm_image_error** error);
GLM_IMAGE_API void glm_image_bytes_free(unsigned char* bytes);

/* -- Loading a model --------------------------------------------------------------------------- */

typedef enum glm_image_dtype {
  GLM_IMAGE_DTYPE_AUTO = 0, /* the checkpoint's type, or float32 where the device is slow in it */
  GLM_IMAGE_DTYPE_FLOAT32 = 1,
  GLM_IMAGE_DTYPE_BFLOAT16 = 2
} glm_image_dtype;

/* Which stages keep their weights in memory from one request to the next. */
typedef enum glm_image_residency {
  GLM_IMAGE_RESIDENCY_NONE = 0, /* least memory; every request reads the weights again */
  GLM_IMAGE_RESIDENCY_AUTO = 1, /* as many as fit into the memory limit */
  GLM_IMAGE_RESIDENCY_ALL = 2
} glm_image_residency;

typedef struct glm_image_options glm_image_options;

/* Options with their defaults: the CPU, all weights released after use. NULL without memory. */
GLM_IMAGE_API glm_image_options* glm_image_options_create(void);
GLM_IMAGE_API void glm_image_options_free(glm_image_options* options);
/* `device` is "cpu", "cuda", "cuda:1", or a device of the LibTorch plugin `plugin` ("npu:0"), the
 * path of a shared library or NULL. */
GLM_IMAGE_API glm_image_status glm_image_options_set_device(glm_image_options* options,
                                                            const char* device,
                                                            const char* plugin,
                                                            glm_image_error** error);
/* Number type of the models. */
GLM_IMAGE_API glm_image_status glm_image_options_set_dtype(glm_image_options* options,
                                                           glm_image_dtype dtype,
                                                           glm_image_error** error);
/* Number type of the VAE. */
GLM_IMAGE_API glm_image_status glm_image_options_set_vae_dtype(glm_image_options* options,
                                                               glm_image_dtype dtype,
                                                               glm_image_error** error);
/* CPU threads of the whole process; 0 leaves the number unchanged. */
GLM_IMAGE_API glm_image_status glm_image_options_set_threads(glm_image_options* options,
                                                             int threads,
                                                             glm_image_error** error);
GLM_IMAGE_API glm_image_status glm_image_options_set_residency(glm_image_options* options,
                                                               glm_image_residency residency,
                                                               glm_image_error** error);
/* Bytes that the process may take; weights that do not fit are read block by block. 0: seven
 * eighths of what the machine can give. */
GLM_IMAGE_API glm_image_status glm_image_options_set_max_memory(glm_image_options* options,
                                                                int64_t bytes,
                                                                glm_image_error** error);
/* 1: refuse a checkpoint with weights that no part of the model uses; 0: a warning. */
GLM_IMAGE_API glm_image_status glm_image_options_set_strict(glm_image_options* options,
                                                            int strict,
                                                            glm_image_error** error);
/* An adapter (LoRA) that requests apply unless they name others: a safetensors file, or a folder as
 * PEFT writes it. `scale` is -10 to 10; 1 as trained. */
GLM_IMAGE_API glm_image_status glm_image_options_add_adapter(glm_image_options* options,
                                                             const char* path,
                                                             double scale,
                                                             glm_image_error** error);

/* What a picture shows of a text. */
typedef enum glm_image_text_state {
  GLM_IMAGE_TEXT_FOUND = 0,   /* the text, letter by letter; capitals and spaces may differ */
  GLM_IMAGE_TEXT_SIMILAR = 1, /* a similar text: at least half of the letters agree */
  GLM_IMAGE_TEXT_MISSING = 2, /* no similar text */
  GLM_IMAGE_TEXT_UNREAD = 3   /* unknown, because the reader does not know its letters */
} glm_image_text_state;

typedef struct glm_image_text_check {
  const char* text; /* that the picture should show, as the prompt quotes it */
  glm_image_text_state state;
  const char* read;                 /* what was read; "" if nothing similar was */
  double similarity;                /* of both, 0 to 1 */
  int64_t left, top, width, height; /* where it was read, in pixels; width and height 0: unknown */
  const char* unknown_letters;      /* those that the reader cannot tell from similar ones, or "" */
} glm_image_text_check;

/* Reads a picture and fills `count` checks, in which `text` is set and `state` is
 * GLM_IMAGE_TEXT_MISSING. Texts that it sets are copied after it returns. Returns 0; any other
 * value ends glm_image_generate with GLM_IMAGE_INTERNAL. */
typedef int (*glm_image_verify_function)(const glm_image_picture* picture,
                                         glm_image_text_check* const* checks,
                                         size_t count,
                                         void* user_data);

/* The reader of texts for glm_image_request_set_verify and glm_image_request_set_best_of, for which
 * the library has none of its own. NULL for none. It is called by one thread at a time. */
GLM_IMAGE_API glm_image_status glm_image_options_set_verifier(glm_image_options* options,
                                                              glm_image_verify_function function,
                                                              void* user_data,
                                                              glm_image_error** error);

/* A loaded checkpoint. Only one thread at a time may use it. */
typedef struct glm_image_pipeline glm_image_pipeline;

/* Loads the checkpoint in `directory`, or in a Hugging Face cache. Reads all configuration and
 * checks every tensor's name and shape; weights are read when a stage needs them. `options` may be
 * NULL for the defaults. */
GLM_IMAGE_API glm_image_status glm_image_load(const char* directory,
                                              const glm_image_options* options,
                                              glm_image_pipeline** pipeline,
                                              glm_image_error** error);
GLM_IMAGE_API void glm_image_pipeline_free(glm_image_pipeline* pipeline);
/* Releases weights that stay in memory between requests; the next request reads them again. */
GLM_IMAGE_API glm_image_status glm_image_pipeline_unload(glm_image_pipeline* pipeline,
                                                         glm_image_error** error);
/* Name of the checkpoint's folder, or of its repository. "" for NULL. */
GLM_IMAGE_API const char* glm_image_pipeline_name(const glm_image_pipeline* pipeline);
/* The device that it computes on. "" for NULL. */
GLM_IMAGE_API const char* glm_image_pipeline_device(const glm_image_pipeline* pipeline);
/* Faults that loading tolerated, one sentence each. */
GLM_IMAGE_API size_t glm_image_pipeline_warning_count(const glm_image_pipeline* pipeline);
/* NULL for an index that is too large. */
GLM_IMAGE_API const char* glm_image_pipeline_warning(const glm_image_pipeline* pipeline,
                                                     size_t index);

/* -- Requests ---------------------------------------------------------------------------------- */

/* How the texts to spell are found in a prompt. */
typedef enum glm_image_glyph_rules {
  GLM_IMAGE_GLYPH_RULES_SMART = 0,    /* quotation marks of many languages */
  GLM_IMAGE_GLYPH_RULES_REFERENCE = 1 /* exactly the reference implementation's */
} glm_image_glyph_rules;

/* Presets of the number of steps, the solver, the guidance interval and the step cache. */
typedef enum glm_image_speed {
  GLM_IMAGE_SPEED_EXACT = 0,
  GLM_IMAGE_SPEED_BALANCED = 1,
  GLM_IMAGE_SPEED_FAST = 2
} glm_image_speed;

/* The solver of the denoising equation. */
typedef enum glm_image_solver {
  GLM_IMAGE_SOLVER_EULER = 0,    /* first order, the reference's */
  GLM_IMAGE_SOLVER_MULTISTEP = 1 /* second order: fewer steps for the same picture */
} glm_image_solver;

typedef struct glm_image_request glm_image_request;

/* A request with the model's own size, steps and guidance, and seed 0. The setters store values;
 * glm_image_check and glm_image_generate check their ranges. NULL without memory. */
GLM_IMAGE_API glm_image_request* glm_image_request_create(void);
GLM_IMAGE_API void glm_image_request_free(glm_image_request* request);
/* What to draw, at most 128,000 bytes; texts in quotes are spelled. */
GLM_IMAGE_API glm_image_status glm_image_request_set_prompt(glm_image_request* request,
                                                            const char* prompt,
                                                            glm_image_error** error);
/* A text to spell in addition to those that the prompt quotes. */
GLM_IMAGE_API glm_image_status glm_image_request_add_text(glm_image_request* request,
                                                          const char* text,
                                                          glm_image_error** error);
GLM_IMAGE_API glm_image_status glm_image_request_set_glyph_rules(glm_image_request* request,
                                                                 glm_image_glyph_rules rules,
                                                                 glm_image_error** error);
/* A picture to start from, at most 16: the request is an edit. The picture is copied. */
GLM_IMAGE_API glm_image_status glm_image_request_add_picture(glm_image_request* request,
                                                             const glm_image_picture* picture,
                                                             glm_image_error** error);
/* Pixels, multiples of 32 up to 4096. 0 and 0: the first picture's size, else the model's own. */
GLM_IMAGE_API glm_image_status glm_image_request_set_size(glm_image_request* request,
                                                          int64_t width,
                                                          int64_t height,
                                                          glm_image_error** error);
/* The most pixels that a picture may have, at least 1024; 0 for no further limit. Bounds the size
 * that the request leaves open, and refuses one that it sets. */
GLM_IMAGE_API glm_image_status glm_image_request_set_max_pixels(glm_image_request* request,
                                                                int64_t pixels,
                                                                glm_image_error** error);
/* The most pixels at which the model reads each picture to start from, at least 1024; 0 for the
 * model's own maximum. Fewer take less time and show the model fewer details. */
GLM_IMAGE_API glm_image_status glm_image_request_set_reference_pixels(glm_image_request* request,
                                                                      int64_t pixels,
                                                                      glm_image_error** error);
/* Denoising steps, 1 to 1000. */
GLM_IMAGE_API glm_image_status glm_image_request_set_steps(glm_image_request* request,
                                                           int64_t steps,
                                                           glm_image_error** error);
/* Classifier-free guidance, 1 (none) to 100. */
GLM_IMAGE_API glm_image_status glm_image_request_set_guidance(glm_image_request* request,
                                                              double guidance,
                                                              glm_image_error** error);
GLM_IMAGE_API glm_image_status glm_image_request_set_speed(glm_image_request* request,
                                                           glm_image_speed speed,
                                                           glm_image_error** error);
GLM_IMAGE_API glm_image_status glm_image_request_set_solver(glm_image_request* request,
                                                            glm_image_solver solver,
                                                            glm_image_error** error);
/* The steps with guidance, from `begin` to `end` as shares of all steps, 0 to 1. */
GLM_IMAGE_API glm_image_status glm_image_request_set_guidance_interval(glm_image_request* request,
                                                                       double begin,
                                                                       double end,
                                                                       glm_image_error** error);
/* Both velocities are evaluated in every Nth guided step (N: steps); the steps between reuse their
   difference. */
GLM_IMAGE_API glm_image_status glm_image_request_set_guidance_every(glm_image_request* request,
                                                                    int64_t steps,
                                                                    glm_image_error** error);
/* Reuse blocks of an earlier step that change less than this; 0 (never) to 1. */
GLM_IMAGE_API glm_image_status glm_image_request_set_step_cache(glm_image_request* request,
                                                                double threshold,
                                                                glm_image_error** error);
GLM_IMAGE_API glm_image_status glm_image_request_set_seed(glm_image_request* request,
                                                          uint64_t seed,
                                                          glm_image_error** error);
/* Pictures, 1 to 1000, with the seeds seed, seed + 1, ... */
GLM_IMAGE_API glm_image_status glm_image_request_set_count(glm_image_request* request,
                                                           int64_t count,
                                                           glm_image_error** error);
/* 1: read the texts to spell back from each picture, with the function of
 * glm_image_options_set_verifier; glm_image_picture_text_check returns what was read. Not for
 * drafts. */
GLM_IMAGE_API glm_image_status glm_image_request_set_verify(glm_image_request* request,
                                                            int verify,
                                                            glm_image_error** error);
/* Draw up to this many compositions, 1 to 16, with the seeds seed, seed + 1, ..., and return the
 * first picture whose texts are all right, else the best one. More than 1 implies verification, and
 * allows one picture and no composition. */
GLM_IMAGE_API glm_image_status glm_image_request_set_best_of(glm_image_request* request,
                                                             int64_t pictures,
                                                             glm_image_error** error);
/* Of the sampling of visual tokens: temperature 1e-6 to 100, top_p 0 to 1. */
GLM_IMAGE_API glm_image_status glm_image_request_set_sampling(glm_image_request* request,
                                                              double temperature,
                                                              double top_p,
                                                              glm_image_error** error);
/* Previews of each picture, 0 to 8, for the preview function. */
GLM_IMAGE_API glm_image_status glm_image_request_set_previews(glm_image_request* request,
                                                              int64_t previews,
                                                              glm_image_error** error);
/* The adapter of glm_image_options_add_adapter to apply, by its name (the file's or folder's,
 * without ".safetensors"). Requests that name none apply all of them. */
GLM_IMAGE_API glm_image_status glm_image_request_add_adapter(glm_image_request* request,
                                                             const char* name,
                                                             double scale,
                                                             glm_image_error** error);
/* 1: draw small quick drafts, to choose from; not for edits. To draw a draft at full size, give it
 * to glm_image_request_set_composition of a request with 0. */
GLM_IMAGE_API glm_image_status glm_image_request_set_draft(glm_image_request* request,
                                                           int draft,
                                                           glm_image_error** error);
/* Paint the composition (visual tokens) of a generated picture again, with the settings of this
 * request, instead of composing a new one. That of a draft is completed first. */
GLM_IMAGE_API glm_image_status glm_image_request_set_composition(glm_image_request* request,
                                                                 const glm_image_picture* picture,
                                                                 glm_image_error** error);

/* -- Drawing ----------------------------------------------------------------------------------- */

/* What a pipeline is doing, and what it counts. */
typedef enum glm_image_stage {
  GLM_IMAGE_STAGE_READING_WEIGHTS = 0,  /* bytes */
  GLM_IMAGE_STAGE_READING_PICTURES = 1, /* hundredths of a picture */
  GLM_IMAGE_STAGE_IMAGE_TOKENS = 2,     /* visual tokens */
  GLM_IMAGE_STAGE_PREVIEWING = 3,       /* one step, a preview, within another stage */
  GLM_IMAGE_STAGE_SPELLING = 4,         /* texts */
  GLM_IMAGE_STAGE_DENOISING = 5,        /* denoising steps */
  GLM_IMAGE_STAGE_DECODING = 6,         /* hundredths of a picture */
  GLM_IMAGE_STAGE_VERIFYING = 7         /* one step: reading the texts of a picture */
} glm_image_stage;

/* A display name, such as "reading weights"; "" for an unknown value. */
GLM_IMAGE_API const char* glm_image_stage_name(glm_image_stage stage);

typedef struct glm_image_progress {
  glm_image_stage stage;
  int64_t step; /* done so far */
  int64_t total;
  int64_t picture; /* index, in stages that work on one picture */
} glm_image_progress;

/* Called after every step, and about ten times a second during a long one, on the thread that
 * called glm_image_generate. Return 0 to continue; any other value stops: glm_image_generate then
 * returns GLM_IMAGE_CANCELLED. */
typedef int (*glm_image_progress_function)(const glm_image_progress* progress, void* user_data);

typedef struct glm_image_preview {
  const glm_image_picture* picture; /* valid during the call */
  int64_t picture_index;
  int64_t preview_index; /* among the previews of this picture */
  int is_draft;          /* 1: made before the picture's own tokens exist, and smaller */
} glm_image_preview;

/* Called for every preview, on the thread that called glm_image_generate. */
typedef void (*glm_image_preview_function)(const glm_image_preview* preview, void* user_data);

typedef struct glm_image_result glm_image_result;

/* Checks a request without drawing: returns what glm_image_generate would refuse at its start. */
GLM_IMAGE_API glm_image_status glm_image_check(const glm_image_pipeline* pipeline,
                                               const glm_image_request* request,
                                               glm_image_error** error);

/* The predicted memory of one stage of a request, in bytes. */
typedef struct glm_image_stage_memory {
  const char* stage;     /* "compose", "encode", "spell", "paint" or "decode" */
  const char* component; /* folder of the checkpoint whose weights it uses */
  int64_t weights;       /* all of them, as they are in memory */
  int64_t resident;      /* those that are in memory at the same time */
  int64_t streamed;      /* stored bytes that each run through the model reads again */
  int64_t working;       /* upper bound of everything else that it needs */
  int64_t total;         /* resident, working and the program itself */
} glm_image_stage_memory;

typedef struct glm_image_memory_plan glm_image_memory_plan;

/* Predicts the memory of a request. Reads no weights. */
GLM_IMAGE_API glm_image_status glm_image_plan_memory(const glm_image_pipeline* pipeline,
                                                     const glm_image_request* request,
                                                     glm_image_memory_plan** plan,
                                                     glm_image_error** error);
GLM_IMAGE_API void glm_image_memory_plan_free(glm_image_memory_plan* plan);
/* Bytes that the process may take, by glm_image_options_set_max_memory or by what the machine can
 * give now; 0 without a limit. A stage that needs more is refused by glm_image_check. */
GLM_IMAGE_API int64_t glm_image_memory_plan_allowed(const glm_image_memory_plan* plan);
GLM_IMAGE_API size_t glm_image_memory_plan_stage_count(const glm_image_memory_plan* plan);
/* Belongs to the plan; NULL for an index that is too large. */
GLM_IMAGE_API const glm_image_stage_memory* glm_image_memory_plan_stage(
    const glm_image_memory_plan* plan, size_t index);

/* Draws the pictures of a request; an edit if the request has pictures. `progress` and `preview`
 * may be NULL; they get `user_data`. The request is not changed and can be used again. */
GLM_IMAGE_API glm_image_status glm_image_generate(glm_image_pipeline* pipeline,
                                                  const glm_image_request* request,
                                                  glm_image_progress_function progress,
                                                  glm_image_preview_function preview,
                                                  void* user_data,
                                                  glm_image_result** result,
                                                  glm_image_error** error);
/* Also frees the result's pictures. */
GLM_IMAGE_API void glm_image_result_free(glm_image_result* result);
GLM_IMAGE_API size_t glm_image_result_count(const glm_image_result* result);
/* Belongs to the result; NULL for an index that is too large. */
GLM_IMAGE_API const glm_image_picture* glm_image_result_picture(const glm_image_result* result,
                                                                size_t index);
/* The texts that were spelled. */
GLM_IMAGE_API size_t glm_image_result_text_count(const glm_image_result* result);
/* NULL for an index that is too large. */
GLM_IMAGE_API const char* glm_image_result_text(const glm_image_result* result, size_t index);
/* Pictures that were drawn to choose from, with glm_image_request_set_best_of; else 0. */
GLM_IMAGE_API int64_t glm_image_result_candidates(const glm_image_result* result);
/* Of a picture of a result: the texts of the result that were read back, in their order; 0 without
 * verification. */
GLM_IMAGE_API size_t glm_image_picture_text_check_count(const glm_image_picture* picture);
/* Belongs to the picture; NULL for an index that is too large. */
GLM_IMAGE_API const glm_image_text_check* glm_image_picture_text_check(
    const glm_image_picture* picture, size_t index);

#ifdef __cplusplus
}
#endif

#endif /* GLM_IMAGE_H */
