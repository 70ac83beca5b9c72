/* impersonate.h - the call by which one account gets a token of another's.
 *
 * Threads: the engine's. Ownership: the step is embedded; texts are copied.
 */
#ifndef VTX_VERTEX_CREDENTIALS_IMPERSONATE_H
#define VTX_VERTEX_CREDENTIALS_IMPERSONATE_H

#include <stdbool.h>
#include <stdint.h>

#include "service/vertex/credentials/http_source.h"

struct json_object;

struct vtx_impersonate {
  char *url;
  char *delegates;  /* JSON text: a list, or null */
  int64_t lifetime; /* seconds */
};

/* True if that is a ...:generateAccessToken URL that may be asked. */
bool vtx_impersonate_url_ok(const char *url);

/* The account that url speaks for, a malloced text; NULL when out of memory. */
char *vtx_impersonate_email(const char *url);

/* Reads service_account_impersonation_url; false if it is missing or wrong, as
 * *ret_why says. */
bool vtx_impersonate_read(struct vtx_impersonate *step,
                          const struct json_object *file, const char **ret_why);
void vtx_impersonate_release(struct vtx_impersonate *step);

/* Asks, with token as proof of the first account; sink of source is told. */
void vtx_impersonate_ask(const struct vtx_impersonate *step,
                         struct vtx_http_source *source, const char *token);

#endif
