#include <stdio.h>
#include <string.h>

#include "service/vertex/engine_internal.h"
#include "service/vertex/reasons.h"

/* What curl's many errors mean to somebody who waits for an answer. */
enum failure {
  UNREACHABLE,
  UNTRUSTED, /* reached, but trying again will not make it trusted */
  BROKEN,
  NO_MEMORY,
};

/* curl calls a header line over its limit (100 kB) "out of memory". */
static bool between_headers(const struct vtx_transfer *transfer) {
  return transfer->first_byte > 0 && transfer->received == 0;
}

static enum failure classify(const struct vtx_transfer *transfer) {
  long sent = 0;

  switch (transfer->code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT: /* of connecting; no other is set */
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PROXY:
      return UNREACHABLE;
    case CURLE_UNSUPPORTED_PROTOCOL: /* by us, or what came is no HTTP */
      curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
      return sent > 0 ? BROKEN : UNTRUSTED;
    case CURLE_URL_MALFORMAT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return UNTRUSTED;
    case CURLE_OUT_OF_MEMORY:
      return between_headers(transfer) ? BROKEN : NO_MEMORY;
    default:
      return BROKEN;
  }
}

/* The host and port of the URL, without path; nor a name and password, which
 * are not for callers and logs. */
static void host_of(const struct vtx_transfer *transfer, char *host,
                    size_t room) {
  char *url = NULL;
  const char *start = NULL;
  const char *at;
  size_t size;

  curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &url);
  start = url ? strstr(url, "://") : NULL;
  start = start ? start + 3 : "the upstream";
  size = strcspn(start, "/?#");
  at = memrchr(start, '@', size);
  if (at) {
    size -= (size_t)(at + 1 - start);
    start = at + 1;
  }
  snprintf(host, room, "%.*s", (int)size, start);
}

static struct cb_status from_curl(const struct vtx_transfer *transfer,
                                  char *text, size_t room) {
  enum failure failure = classify(transfer);
  const char *what =
      transfer->error[0] ? transfer->error : curl_easy_strerror(transfer->code);
  struct cb_status status;
  char host[128];

  if (failure == NO_MEMORY) {
    return vtx_no_memory("no memory for the upstream transfer");
  }
  if (transfer->code == CURLE_OUT_OF_MEMORY) what = "too large a header";
  host_of(transfer, host, sizeof host);
  snprintf(text, room,
           failure == BROKEN ? "the connection to %s broke: %s"
                             : "cannot reach %s: %s",
           host, what);
  status = cb_status_make(
      CB_UNAVAILABLE,
      failure == BROKEN ? "UPSTREAM_BROKEN" : "UPSTREAM_UNREACHABLE", text);
  status.retryable = failure != UNTRUSTED;
  return status;
}

struct cb_status vtx_transfer_status(const struct vtx_transfer *transfer,
                                     char *text, size_t room) {
  char host[128];

  switch (transfer->cause) {
    case VTX_CAUSE_NONE:
      if (transfer->code == CURLE_OK) return cb_status_ok();
      return from_curl(transfer, text, room);
    case VTX_CAUSE_TOO_LARGE:
      snprintf(text, room, "the upstream's answer is larger than %zu bytes",
               transfer->max_response_bytes);
      return cb_status_make(CB_RESOURCE_EXHAUSTED, "RESPONSE_TOO_LARGE", text);
    case VTX_CAUSE_NO_MEMORY:
      return vtx_no_memory("no memory for the upstream's answer");
    case VTX_CAUSE_DEADLINE:
    case VTX_CAUSE_IDLE:
      host_of(transfer, host, sizeof host);
      snprintf(text, room,
               transfer->cause == VTX_CAUSE_IDLE
                   ? "%s fell silent in the middle of its answer"
                   : "%s did not answer before the deadline",
               host);
      return cb_status_make(CB_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT", text);
    case VTX_CAUSE_CANCELLED:
      break;
  }
  return cb_status_make(CB_CANCELLED, "CANCELLED", "the transfer was aborted");
}
