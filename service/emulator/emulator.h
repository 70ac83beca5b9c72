/* emulator.h - a stand-in for Vertex AI, for demos and tests.
 *
 * An HTTP/1.1 server that speaks generateContent, streamGenerateContent and
 * countTokens as Vertex AI does, for any project, location and model. Its
 * answers are made from the prompt alone, so that a person sees that the right
 * answer went to the right prompt, and it can be told to be slow, to fail and
 * to break off in every way that an upstream is known to (README.md lists all
 * knobs). It shares no code with the engine that talks to it.
 *
 * Threads:   vtx_emulator_new() starts one thread, which does everything;
 *            vtx_emulator_free() ends and joins it. The functions here may be
 *            called from any one thread.
 * Ownership: the options are copied.
 */
#ifndef VTX_EMULATOR_H
#define VTX_EMULATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vtx_emulator;

/* All zero is a fast emulator on a free port of 127.0.0.1. */
struct vtx_emulator_options {
  const char *listen;          /* HOST:PORT or [V6]:PORT; NULL: 127.0.0.1:0 */
  int64_t latency;             /* nanoseconds before an answer begins */
  int64_t jitter;              /* up to so many nanoseconds more, at random */
  int64_t chunk_interval;      /* nanoseconds between the chunks of a stream */
  const char *defaults;        /* further knobs for every request, as in a
                                  directive: "fault=http_503 probability=0.3";
                                  NULL: none */
  const char *require_token;   /* bearer token asked for; NULL: none */
  const char *require_api_key; /* API key asked for; NULL: none */
  bool require_issued_token;   /* ask for a token that it gave out itself */
  const char *public_key;      /* PEM; what service accounts' statements are
                                  checked with; NULL: none is known */
  size_t max_body_bytes;       /* 0: 64 MiB; larger ones are answered 413 */
  size_t max_connections;      /* 0: 20,000 */
  bool gzip;                   /* compress answers for clients that accept it */
};

/* Starts an emulator and returns it once it listens. NULL on failure; then
 * *ret_error is a text for people that the caller frees (NULL when memory is
 * used up). Descriptors: one for each connection, so the caller raises
 * RLIMIT_NOFILE. */
struct vtx_emulator *vtx_emulator_new(
    const struct vtx_emulator_options *options, char **ret_error);

/* Where it listens, "http://127.0.0.1:43211", with the port that was chosen
 * and without a slash at the end. Lives as long as the emulator. */
const char *vtx_emulator_url(const struct vtx_emulator *emulator);

/* Stops listening, breaks off what is in flight, joins the thread and frees
 * everything. NULL is fine. */
void vtx_emulator_free(struct vtx_emulator *emulator);

#endif
