#include "client/vertexctl/output.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json_writer.h"

#define MAX_LINE ((size_t)256 << 20)

struct line {
  struct cb_buf buf;
  struct cb_json json;
};

static void begin(struct line *line) {
  cb_buf_init(&line->buf, MAX_LINE, NULL);
  cb_json_init(&line->json, &line->buf);
  cb_json_begin_object(&line->json);
}

static void end(struct line *line) {
  cb_json_end_object(&line->json);
  cb_buf_add_char(&line->buf, '\n');
  if (line->buf.failed) {
    fputs("vertexctl: a result is too large to print\n", stderr);
  } else {
    fwrite(line->buf.data, 1, line->buf.len, stdout);
    fflush(stdout);
  }
  cb_buf_release(&line->buf);
}

/* "name": "text", left out where the text is empty. */
static void put_text(struct cb_json *json, const char *name, const char *text) {
  if (!text || !*text) return;
  cb_json_key(json, name);
  cb_json_string(json, text);
}

static void put_int(struct cb_json *json, const char *name, int64_t value) {
  cb_json_key(json, name);
  cb_json_int(json, value);
}

static void put_usage(struct cb_json *json, const vertexd_TokenCount *tokens) {
  if (!tokens) return;
  cb_json_key(json, "usage");
  cb_json_begin_object(json);
  put_int(json, "prompt_tokens", tokens->prompt_tokens);
  put_int(json, "completion_tokens", tokens->completion_tokens);
  put_int(json, "total_tokens", tokens->total_tokens);
  cb_json_end_object(json);
}

static void put_response(struct cb_json *json,
                         const vertexd_GenerateResponse *response) {
  put_text(json, "id", response->id);
  cb_json_key(json, "text");
  cb_json_string(json, response->text);
  if (*response->json) {
    cb_json_key(json, "json");
    cb_json_raw(json, response->json, strlen(response->json));
  }
  put_text(json, "finish_reason", response->finish_reason_text);
  put_usage(json, response->token_count);
  if (*response->raw_json) {
    cb_json_key(json, "raw");
    cb_json_raw(json, response->raw_json, strlen(response->raw_json));
  }
}

static void put_error(struct cb_json *json, const vertexd_Error *error) {
  cb_json_key(json, "error");
  cb_json_begin_object(json);
  put_text(json, "code", cb_code_name((enum cb_code)error->code));
  put_text(json, "reason", error->reason);
  put_text(json, "message", error->message);
  put_text(json, "field", error->field);
  cb_json_key(json, "retryable");
  cb_json_bool(json, error->retryable);
  cb_json_end_object(json);
}

static const char *shown_text(const vertexd_GenerateResponse *response) {
  return *response->json ? response->json : response->text;
}

void ctl_print_response(const struct ctl_options *options,
                        const vertexd_GenerateResponse *response) {
  struct line line;

  if (!options->json_lines) {
    puts(shown_text(response));
    return;
  }
  begin(&line);
  put_response(&line.json, response);
  end(&line);
}

void ctl_print_chunk(const struct ctl_options *options,
                     const vertexd_GenerateResponse *chunk) {
  if (options->json_lines) {
    ctl_print_response(options, chunk);
    return;
  }
  fputs(chunk->text, stdout);
  fflush(stdout);
}

static void print_result_text(const vertexd_ItemResult *result,
                              const char *title) {
  bool colour = isatty(STDOUT_FILENO);

  printf("%s%d. %s%s\n", colour ? "\033[1m" : "", result->index + 1, title,
         colour ? "\033[0m" : "");
  if (result->outcome_case == vertexd_ItemResult_OUTCOME_RESPONSE) {
    printf("   %s\n", shown_text(result->response));
  } else {
    printf("   failed: %s: %s\n",
           cb_code_name((enum cb_code)result->error->code),
           result->error->message);
  }
}

static void put_outcome(struct cb_json *json,
                        const vertexd_ItemResult *result) {
  if (result->outcome_case == vertexd_ItemResult_OUTCOME_RESPONSE)
    put_response(json, result->response);
  else if (result->outcome_case == vertexd_ItemResult_OUTCOME_ERROR)
    put_error(json, result->error);
  put_int(json, "attempts", result->attempts);
}

void ctl_print_result(const struct ctl_options *options,
                      const vertexd_ItemResult *result, const char *title) {
  struct line line;

  if (!options->json_lines) {
    print_result_text(result, title);
    return;
  }
  begin(&line);
  put_int(&line.json, "index", result->index);
  put_text(&line.json, options->command == CTL_MAP ? "item" : "prompt", title);
  put_outcome(&line.json, result);
  end(&line);
}

bool ctl_result_line(struct cb_buf *buf, const char *id,
                     const vertexd_ItemResult *result) {
  struct cb_json json;

  cb_buf_clear(buf);
  cb_json_init(&json, buf);
  cb_json_begin_object(&json);
  cb_json_key(&json, "id");
  cb_json_string(&json, id);
  put_outcome(&json, result);
  cb_json_end_object(&json);
  return cb_buf_add_char(buf, '\n');
}

void ctl_print_summary(const struct ctl_options *options,
                       const vertexd_BatchSummary *summary) {
  if (options->json_lines) return; /* one line a result, nothing else */
  fflush(stdout);                  /* the results are read first */
  fprintf(stderr, "%d of %d answered", summary->succeeded, summary->total);
  if (summary->total_tokens > 0)
    fprintf(stderr, ", %lld tokens", (long long)summary->total_tokens);
  fputc('\n', stderr);
}

void ctl_print_count(const struct ctl_options *options,
                     const vertexd_CountTokensResponse *response) {
  struct line line;

  if (!options->json_lines) {
    printf("%d\n", response->total_tokens);
    return;
  }
  begin(&line);
  put_int(&line.json, "total_tokens", response->total_tokens);
  end(&line);
}

void ctl_print_failure(const struct cb_status *status) {
  fprintf(stderr, "vertexctl: %s", cb_code_name(status->code));
  if (*status->reason) fprintf(stderr, " (%s)", status->reason);
  fprintf(stderr, ": %s\n", status->message);
  if (*status->field) fprintf(stderr, "  field: %s\n", status->field);
}
