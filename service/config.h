/* config.h - what vertexd was told: flags, environment, defaults, checked.
 *
 * Every setting is a flag --name and a variable VERTEXD_NAME; some also have
 * variables of Google's that mean the same. A flag wins over VERTEXD_NAME, that
 * over Google's variables in their order, those over the default. A variable
 * that is empty counts as not set. One table (config_options.c) makes the
 * reading, the help text and the documentation's test.
 *
 * Threads:   none inside; read once, before any thread is made.
 * Ownership: all texts and lists belong to the arena given to
 *            vtx_config_read().
 */
#ifndef VTX_CONFIG_H
#define VTX_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cb_arena;
struct vtx_labels;
struct vtx_quota_table;
struct vtx_routes;

/* Times that --listen may be given. */
#define VTX_LISTEN_MAX 16

/* Projects of --allow-project, and times it and --label may be given. */
#define VTX_ALLOWED_PROJECTS 256
#define VTX_LABELS_MAX 64

/* A setting that may be given several times. */
struct vtx_config_list {
  const char **items;
  size_t count;
};

struct vtx_config {
  const char *listen[VTX_LISTEN_MAX]; /* "HOST:PORT" or "unix:PATH" */
  size_t listen_count;
  bool allow_plaintext;
  const char *metrics_listen; /* "HOST:PORT"; NULL: no metrics */

  const char *project;            /* NULL: express paths */
  const char *locations;          /* as given: A,B,C */
  const char *location;           /* the first of them */
  const char *base_url;           /* NULL: Google's */
  const char *ca_file;            /* NULL: the system's */
  const char *client_certificate; /* NULL: none */
  const char *client_key;         /* set where the certificate is */
  bool mtls;
  const char *api_version;                 /* v1 or v1beta1 */
  struct vtx_config_list allowed_projects; /* one each, once checked */
  struct vtx_config_list label_texts;      /* KEY=VALUE */
  const struct vtx_labels *labels;         /* what these come to */
  const char *request_tier;                /* a name of tier.h */
  const char *api_key;                     /* at most one of these two is set */
  const char *access_token_file;
  const char *credentials;      /* auto, adc, metadata or none */
  const char *credentials_file; /* NULL: searched for */
  bool use_adc;                 /* what the settings above come to */
  bool metadata_only;           /* and of ADC only that */
  const char *quota_project;    /* NULL: the credential's */
  const char *universe_domain;  /* NULL: the credential's */
  const char *token_url;        /* NULL: Google's */
  bool self_signed_jwt;
  const char *default_model; /* NULL: callers must name one */
  struct vtx_config_list model_aliases;
  const struct vtx_routes *routes; /* what locations and aliases come to */

  uint64_t max_concurrency_cap;
  uint64_t max_in_flight;
  uint64_t target_max_in_flight; /* at most max_in_flight */
  uint64_t requests_per_minute;  /* of each target; 0: no limit */
  uint64_t tokens_per_minute;    /* of each target; 0: no limit */
  struct vtx_config_list model_quotas;
  const struct vtx_quota_table *quotas; /* what these come to */
  bool no_adaptive;
  uint64_t max_waiting_calls;
  uint64_t interactive_attempts;
  uint64_t batch_attempts;
  uint64_t throttle_wait; /* nanoseconds */
  uint64_t max_batch_items;
  uint64_t max_request_bytes;
  uint64_t max_response_bytes;
  uint64_t memory_budget;
  uint64_t drain_timeout;    /* nanoseconds */
  uint64_t request_timeout;  /* nanoseconds */
  uint64_t reader_timeout;   /* nanoseconds */
  uint64_t default_deadline; /* nanoseconds */

  bool emulate;
  bool help;
  bool version;
};

/* Where the words come from; the tests have their own. */
struct vtx_config_input {
  int argc; /* with the program's name, as main() has them */
  const char *const *argv;
  const char *(*get_env)(void *self, const char *name); /* NULL: not set */
  void *self;
  uint64_t machine_memory; /* bytes that this process may use */
};

/* Reads and checks everything. On success true; with help or version set,
 * nothing but those two is checked. Otherwise false and *ret_message is a
 * sentence for stderr that names the flag or variable at fault and, in case of
 * a secret, not its value. */
bool vtx_config_read(const struct vtx_config_input *input,
                     struct cb_arena *arena, struct vtx_config *ret_config,
                     const char **ret_message);

/* The text of --help. */
void vtx_config_print_help(FILE *out);

/* True for an address that only this machine can reach: a unix socket,
 * localhost, 127.0.0.0/8, [::1]. */
bool vtx_config_is_local(const char *address);

/* True if the upstream is plain http to this machine: an emulator, or a proxy
 * of the user's own. */
bool vtx_config_upstream_is_local(const struct vtx_config *config);

#endif
