#include "service/vertex/credentials/http_source.h"

#include <string.h>
#include <strings.h>

#include "service/vertex/credential_internal.h"
#include "service/vertex/credentials/token_answer.h"

void vtx_http_source_ask(struct vtx_http_source *source,
                         const struct vtx_token_request_spec *spec,
                         void (*done)(void *ctx,
                                      const struct vtx_token_answer *answer)) {
  source->request =
      vtx_token_request_start(source->place->engine, spec, done, source);
  if (!source->request) vtx_token_deliver_no_memory(source->sink, spec->what);
}

void vtx_http_source_token(void *ctx, const struct vtx_token_answer *answer) {
  struct vtx_http_source *source = ctx;

  vtx_http_source_ended(source);
  if (answer->status.code == CB_OK) {
    vtx_token_deliver(source->sink, "the token endpoint", answer->text,
                      answer->size);
  } else {
    vtx_token_deliver_failure(source->sink, &answer->status);
  }
}

void vtx_http_source_cancel(struct vtx_token_source *source) {
  struct vtx_http_source *self = (struct vtx_http_source *)(void *)source;

  if (self->request) vtx_token_request_cancel(self->request);
  self->request = NULL;
}

/* size characters at host are this machine's own name or address. */
static bool is_loopback(const char *host, size_t size) {
  static const char *const names[] = {"localhost", "[::1]"};

  for (size_t i = 0; i < 2; i++) {
    if (size == strlen(names[i]) && strncasecmp(host, names[i], size) == 0) {
      return true;
    }
  }
  return size > 4 && strncmp(host, "127.", 4) == 0 &&
         strspn(host, "0123456789.") >= size;
}

bool vtx_token_url_ok(const char *url) {
  const char *host;
  size_t size;

  if (!vtx_credential_text_ok(url)) return false;
  if (strncasecmp(url, "https://", 8) == 0) return url[8] && url[8] != '/';
  if (strncasecmp(url, "http://", 7) != 0) return false;
  host = url + 7;
  size = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
  if (size > strlen(host)) return false;
  /* "user@host" would hide the host. */
  if (memchr(host, '@', strcspn(host, "/?#"))) return false;
  return is_loopback(host, size);
}
