/* adc.h - Application Default Credentials: whatever the machine offers.
 *
 * Looked for in the order of Google's own libraries: a credential file that is
 * named; gcloud's file (CLOUDSDK_CONFIG, or ~/.config/gcloud); the metadata
 * server. A file that is named must be good; one of gcloud's may be missing.
 * The result is a credential (credential.h) with a token cache inside; a file
 * is looked at once a second while calls come, and read again if it changed. A
 * changed file that is no good leaves the former credential in use.
 *
 * Threads:   opening blocks (files, and up to some seconds for the metadata
 *            server): before the engine runs. Then the engine's.
 * Ownership: options are copied. The credential is freed after
 *            vtx_engine_stop() and before vtx_engine_free().
 */
#ifndef VTX_VERTEX_CREDENTIALS_ADC_H
#define VTX_VERTEX_CREDENTIALS_ADC_H

#include <stdbool.h>
#include <stdint.h>

#include "service/vertex/credential.h"
#include "service/vertex/credentials/token_answer.h"

struct vtx_engine;

struct vtx_adc_options {
  const char *file;          /* NULL: search */
  bool metadata;             /* only the metadata server, without looking
                                whether it is there */
  const char *quota_project; /* instead of the file's; NULL: that */
  const char *universe;      /* instead of the credential's; NULL: that */
  const char *token_url;     /* where gcloud's refresh tokens are exchanged;
                                NULL: Google's */
  bool self_signed;          /* service accounts sign their own tokens */
  const char *(*get_env)(const char *name); /* NULL: the process's */
  int64_t (*unix_time)(void);               /* NULL: the system's */
};

/* NULL if there is none, or one that cannot be used; *ret_failure says why
 * (FAILED_PRECONDITION, CREDENTIAL_UNAVAILABLE) and names the file, but no
 * value of it. */
struct vtx_credential *vtx_adc_open(const struct vtx_adc_options *options,
                                    struct vtx_token_failure *ret_failure);

/* What an operator should know, though no call may have failed of it. Called on
 * the engine; the status' texts are valid meanwhile. Either may be NULL. */
struct vtx_adc_events {
  void (*refresh_failed)(void *ctx, const struct cb_status *status);
  /* The file has changed, but why says what is wrong with it. */
  void (*file_ignored)(void *ctx, const char *path, const char *why);
  void *ctx;
};

/* Says on which engine it lives; once, before the engine starts. Does nothing
 * with credentials of another kind. events is copied. */
void vtx_adc_bind(struct vtx_credential *credential, struct vtx_engine *engine,
                  const struct vtx_adc_events *events);

/* What was found. Texts live as long as the credential. */
struct vtx_adc_facts {
  const char *kind;     /* "service_account", "metadata", ... */
  const char *file;     /* NULL: none */
  const char *project;  /* NULL: the credential names none */
  const char *universe; /* "googleapis.com" usually */
};

/* False for credentials of another kind. */
bool vtx_adc_facts(const struct vtx_credential *credential,
                   struct vtx_adc_facts *ret_facts);

#endif
