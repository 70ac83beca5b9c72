/* knobs.h - how the emulator is told to behave: for one request or for all.
 *
 * Knobs are words of the form key=value. They come from a directive in the
 * last user turn of a prompt, "[[emulator latency=2s fault=http_503]]", from
 * the command line or from POST /emulator/defaults. README.md explains each.
 *
 * Threads:   none inside.
 * Ownership: texts in the knobs live in the arena that was given, or for ever.
 */
#ifndef VTX_EMULATOR_KNOBS_H
#define VTX_EMULATOR_KNOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cb_arena;
struct json_object;

enum vtx_emu_fault {
  VTX_EMU_NO_FAULT,
  VTX_EMU_HTTP_400,
  VTX_EMU_HTTP_401,
  VTX_EMU_HTTP_403,
  VTX_EMU_HTTP_404,
  VTX_EMU_HTTP_429,
  VTX_EMU_HTTP_429_RETRYINFO,
  VTX_EMU_HTTP_500,
  VTX_EMU_HTTP_503,
  VTX_EMU_HTTP_504,
  VTX_EMU_HTML_404,
  VTX_EMU_HTML_502,
  VTX_EMU_EMPTY_200,
  VTX_EMU_NOT_JSON,
  VTX_EMU_TRUNCATED_JSON,
  VTX_EMU_HANG,
  VTX_EMU_RESET,
  VTX_EMU_RESET_MID_BODY,
  VTX_EMU_SSE_TRUNCATED,
  VTX_EMU_SSE_ERROR_RAW,
  VTX_EMU_SSE_ERROR_DATA,
  VTX_EMU_SSE_RESET,
  VTX_EMU_GIANT,
  VTX_EMU_GZIP_BOMB,
  VTX_EMU_DRIP,
  VTX_EMU_STALL,
  VTX_EMU_BAD_UTF8,
  VTX_EMU_LONE_SURROGATE,
  VTX_EMU_NUL,
  VTX_EMU_DEEP,
  VTX_EMU_NUMBERS,
  VTX_EMU_UNKNOWN_FIELDS,
  VTX_EMU_UNKNOWN_ENUM,
  VTX_EMU_REDIRECT_302,
  VTX_EMU_NO_USAGE,
  VTX_EMU_NO_FINISH,
};

/* What a target lets through. Only defaults have it: a prompt cannot. */
struct vtx_emu_quota {
  double rps;     /* requests a second; 0: any number */
  double tpm;     /* tokens a minute, of prompts and answers; 0: any number */
  int64_t burst;  /* requests at once; 0: one */
  bool retryinfo; /* its 429s have a RetryInfo, of retry_delay */
};

struct vtx_emu_knobs {
  int64_t latency; /* times are nanoseconds */
  int64_t jitter;
  int64_t chunk_interval;
  int64_t retry_delay;
  int64_t retry_after; /* Retry-After of 429s and 503s; 0: none */
  int64_t slowdown;    /* more latency for each request in flight */
  int64_t chunks;      /* counts; 0 means the emulator's own choice */
  int64_t words;
  int64_t size;
  int64_t depth;
  int64_t bytes;
  int64_t fail_times;  /* 0: the fault holds for all */
  int64_t hop_tokens;  /* tokens of text in one hop of an answer */
  int64_t hops;        /* hops of an answer */
  int64_t checkpoints; /* each so many-th chunk has a continuation token */
  int64_t capacity;    /* requests in flight before it is 503; 0: any number */
  double probability;  /* of the fault, 1 by default */
  enum vtx_emu_fault fault;
  const char *key;           /* what fail_times counts by; "" by default */
  const char *block;         /* blockReason of the prompt; NULL: not blocked */
  const char *finish;        /* finishReason; NULL: as it comes */
  const char *function_call; /* name of a function to call; NULL: none */
  const char *text;          /* the exact answer; NULL: made from the prompt */
  const char *traffic_type;  /* that serves; NULL: the one asked for */
  const char *hold;          /* key that lets the answer go; NULL: none */
  struct vtx_emu_quota quota;
  bool no_content; /* content=none */
  bool empty;
  bool thought_only;
  bool fence;
  bool prose;
  bool invalid_json;
  bool thought_hop; /* the first hop has no text */
  bool fault_later; /* the fault spares requests without a token */
};

/* No fault, no delay, probability 1. */
struct vtx_emu_knobs vtx_emu_knobs_default(void);

/* Sets one knob. False if the key is unknown or the value does not suit it;
 * *ret_error then says which, from arena. Also false, with *ret_error a
 * literal, when the arena is used up. */
bool vtx_emu_knobs_set(struct vtx_emu_knobs *knobs, struct cb_arena *arena,
                       const char *key, const char *value,
                       const char **ret_error);

/* Sets all knobs in words, which are parted by blanks. As above. */
bool vtx_emu_knobs_parse(struct vtx_emu_knobs *knobs, struct cb_arena *arena,
                         const char *words, const char **ret_error);

/* Sets knobs from a JSON object; numbers and booleans serve as values, and a
 * key with _ms behind it takes milliseconds. As above. */
bool vtx_emu_knobs_parse_json(struct vtx_emu_knobs *knobs,
                              struct cb_arena *arena,
                              struct json_object *object,
                              const char **ret_error);

/* Takes every directive out of text (in place) and obeys it; those that set a
 * quota are refused. As above. */
bool vtx_emu_knobs_take(struct vtx_emu_knobs *knobs, struct cb_arena *arena,
                        char *text, const char **ret_error);

#endif
