#include "service/batch/cost.h"

#include <string.h>

#include "service/batch/result.h"

#define BYTES_PER_TOKEN 4
#define OUTPUT_UNKNOWN 256
#define OUTPUT_WEIGHT 8 /* one answer in the average of so many */

/* What waits is looked at again and again, so no more than this is measured; no
 * model takes more tokens. */
#define MOST_BYTES ((size_t)8 << 20)
#define MOST_PARTS 10000

static size_t contents_bytes(Vertexd__V1__Content *const *contents,
                             size_t count) {
  size_t bytes = 0;
  size_t parts = 0;

  for (size_t i = 0; i < count && parts < MOST_PARTS; i++) {
    parts++; /* one without any counts, too */
    for (size_t j = 0; j < contents[i]->n_parts && parts < MOST_PARTS; j++) {
      const Vertexd__V1__Part *part = contents[i]->parts[j];

      parts++;
      if (part->data_case == VERTEXD__V1__PART__DATA_TEXT) {
        bytes += strnlen(part->text, MOST_BYTES - bytes);
      }
    }
  }
  return bytes;
}

static size_t request_bytes(const Vertexd__V1__GenerateRequest *request) {
  return strnlen(request->prompt, MOST_BYTES) +
         contents_bytes(request->contents, request->n_contents);
}

static size_t prompt_bytes(const struct vtx_source *source, uint32_t index) {
  switch (source->kind) {
    case VTX_SOURCE_ONE:
    case VTX_SOURCE_PIPE:
      return request_bytes(source->one);
    case VTX_SOURCE_REQUESTS:
      return request_bytes(source->requests[index]);
    case VTX_SOURCE_PROMPTS:
      return strnlen(source->prompts[index], MOST_BYTES);
    case VTX_SOURCE_ITEMS:
      return strnlen(source->items[index], MOST_BYTES);
    case VTX_SOURCE_COUNT:
    case VTX_SOURCE_VALUES: /* what they render to is not known yet */
      break;
  }
  return 0;
}

double vtx_cost_estimate(const struct vtx_source *source, uint32_t index,
                         double output) {
  double bytes = (double)prompt_bytes(source, index);

  return 1 + bytes / BYTES_PER_TOKEN + (output > 0 ? output : OUTPUT_UNKNOWN);
}

void vtx_cost_learn(double *output, const struct vtx_result *result) {
  const Vertexd__V1__GenerateResponse *response;
  double tokens;

  if (!result->message || result->message->descriptor !=
                              &vertexd__v1__generate_response__descriptor) {
    return;
  }
  response = (const Vertexd__V1__GenerateResponse *)result->message;
  if (!response->token_count) return;
  tokens = 1 + (double)response->token_count->completion_tokens;
  *output = *output > 0 ? *output + (tokens - *output) / OUTPUT_WEIGHT : tokens;
}
