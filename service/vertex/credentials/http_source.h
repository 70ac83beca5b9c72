/* http_source.h - what the sources that ask by HTTP have in common.
 *
 * Threads:   the engine's.
 * Ownership: embedded as the first member of a kind.
 */
#ifndef VTX_VERTEX_CREDENTIALS_HTTP_SOURCE_H
#define VTX_VERTEX_CREDENTIALS_HTTP_SOURCE_H

#include <stdbool.h>

#include "service/vertex/credentials/token_request.h"
#include "service/vertex/credentials/token_source.h"

struct vtx_http_source {
  struct vtx_token_source source;
  const struct vtx_token_place *place;
  struct vtx_token_sink sink;        /* of the fetch under way */
  struct vtx_token_request *request; /* NULL: none under way */
};

/* Sends a request on behalf of the fetch. done gets source and must call
 * vtx_http_source_ended() first. If it cannot be sent, sink is told so. */
void vtx_http_source_ask(struct vtx_http_source *source,
                         const struct vtx_token_request_spec *spec,
                         void (*done)(void *ctx,
                                      const struct vtx_token_answer *answer));

static inline void vtx_http_source_ended(struct vtx_http_source *source) {
  source->request = NULL;
}

/* A done for what answers {"access_token","expires_in"}. */
void vtx_http_source_token(void *ctx, const struct vtx_token_answer *answer);

/* The cancel of such a kind. */
void vtx_http_source_cancel(struct vtx_token_source *source);

/* True for a URL that a secret may be sent to: https, or http to this machine.
 * Characters are those of URLs. */
bool vtx_token_url_ok(const char *url);

#endif
