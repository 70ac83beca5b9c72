/* open_credential.h - from the settings to a credential that is there.
 *
 * Threads:   before any other is made; it may block for some seconds, where
 *            only the metadata server is left to be looked for.
 * Ownership: the credential is the caller's; texts live as long as it and the
 *            settings.
 */
#ifndef VTX_OPEN_CREDENTIAL_H
#define VTX_OPEN_CREDENTIAL_H

#include <stdbool.h>

struct vtx_config;
struct vtx_credential;

struct vtx_opened {
  struct vtx_credential *credential;
  const char *kind;     /* "api_key", "service_account", "none", ... */
  const char *project;  /* set, or the credential's; NULL: none */
  const char *universe; /* NULL: googleapis.com */
};

/* On failure false, with a sentence on stderr that names the flag or file and
 * no value of a secret. */
bool vtx_open_credential(const struct vtx_config *config,
                         struct vtx_opened *ret_opened);

#endif
