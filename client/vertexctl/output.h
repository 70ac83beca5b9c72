/* output.h - what vertexctl prints: text for people, JSON lines for programs.
 *
 * A JSON line has: index and prompt (batch, map), id, text, json (the value
 * itself), finish_reason, usage {prompt_tokens, completion_tokens,
 * total_tokens}, raw (where it was asked for), attempts, or error {code,
 * reason, message, field, retryable}.
 */
#ifndef VERTEXCTL_OUTPUT_H
#define VERTEXCTL_OUTPUT_H

#include "base/buf.h"
#include "client/vertexctl/options.h"
#include "client/vertexd_client.h"

void ctl_print_response(const struct ctl_options *options,
                        const vertexd_GenerateResponse *response);

/* One piece of a stream, at once. */
void ctl_print_chunk(const struct ctl_options *options,
                     const vertexd_GenerateResponse *chunk);

/* One result of a batch or map; title is its prompt or item. */
void ctl_print_result(const struct ctl_options *options,
                      const vertexd_ItemResult *result, const char *title);

/* The line of one result of a batch or map of a file, newline included, in
 * place of what *buf holds. False where it does not fit. */
bool ctl_result_line(struct cb_buf *buf, const char *id,
                     const vertexd_ItemResult *result);

void ctl_print_summary(const struct ctl_options *options,
                       const vertexd_BatchSummary *summary);

void ctl_print_count(const struct ctl_options *options,
                     const vertexd_CountTokensResponse *response);

/* Why a call failed, on stderr. */
void ctl_print_failure(const struct cb_status *status);

#endif
