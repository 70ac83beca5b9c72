#include "service/vertex/credentials/adc.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "service/vertex/credential_internal.h"
#include "service/vertex/credentials/kinds.h"
#include "service/vertex/credentials/metadata.h"
#include "service/vertex/credentials/secret.h"
#include "service/vertex/credentials/token_cache.h"
#include "service/vertex/engine.h"

#define LOOK_EVERY CB_SECOND
#define GCLOUD_FILE "application_default_credentials.json"
#define USUAL_UNIVERSE "googleapis.com"
#define MOST_UNIVERSE 253

struct adc {
  struct vtx_credential credential;
  struct vtx_token_place place;
  struct vtx_token_cache cache;
  char *path;          /* of the file; NULL: the metadata server */
  char *quota_project; /* given; NULL: the file's */
  char *universe;      /* given, or found */
  char *project;       /* found */
  char *kind;
  char *token_url;
  int64_t looked;
  struct stat seen;
  struct vtx_adc_events events;
};

static struct adc *adc_of(struct vtx_credential *credential) {
  return (struct adc *)(void *)credential;
}

/* --- the engine as the cache's loop ----------------------------------------
 */

static int64_t loop_now(void *self) {
  const struct adc *adc = self;

  return adc->place.engine ? vtx_engine_now(adc->place.engine) : cb_now(NULL);
}

static bool loop_set(void *self, struct cb_timer *timer, int64_t when) {
  const struct adc *adc = self;

  return vtx_engine_set_timer(adc->place.engine, timer, when);
}

static void loop_cancel(void *self, struct cb_timer *timer) {
  const struct adc *adc = self;

  if (adc->place.engine) vtx_engine_cancel_timer(adc->place.engine, timer);
}

/* --- files ------------------------------------------------------------------
 */

static bool same_file(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
         a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

struct vtx_token_source *vtx_token_source_from(
    const struct vtx_token_place *place, const struct json_object *file,
    const char **ret_why) {
  const char *type = vtx_secret_json_text(file, "type");

  *ret_why = "has no type, so is no credential file";
  if (!type) return NULL;
  if (strcmp(type, "service_account") == 0) {
    return vtx_service_account_new(place, file, VTX_SCOPE_CLOUD, ret_why);
  }
  if (strcmp(type, "authorized_user") == 0) {
    return vtx_authorized_user_new(place, file, ret_why);
  }
  if (strcmp(type, "impersonated_service_account") == 0) {
    return vtx_impersonated_new(place, file, ret_why);
  }
  if (strcmp(type, "external_account") == 0) {
    return vtx_external_account_new(place, file, ret_why);
  }
  if (strcmp(type, "external_account_authorized_user") == 0) {
    return vtx_workforce_user_new(place, file, ret_why);
  }
  *ret_why = "is of a type that vertexd does not know";
  return NULL;
}

/* The object in the file at path; NULL and *ret_why. */
static struct json_object *read_object(const char *path, const char **ret_why) {
  char *text = vtx_secret_file(path, ret_why);
  struct json_object *object = NULL;

  if (!text) return NULL;
  object = vtx_secret_json(text, strlen(text));
  vtx_credential_wipe(text);
  if (!object) *ret_why = "is no JSON object";
  return object;
}

/* A project or host is put into headers and URLs. */
static const char *plain(const struct json_object *object, const char *key) {
  const char *text = vtx_secret_json_text(object, key);

  return text && vtx_credential_text_ok(text) ? text : NULL;
}

static bool keep(char **place, const char *text) {
  char *copy = text ? strdup(text) : NULL;

  if (text && !copy) return false;
  free(*place);
  *place = copy;
  return true;
}

/* What the file says besides its kind; only the first time. */
static bool note_facts(struct adc *adc, const struct json_object *file) {
  const char *project = plain(file, "project_id");
  const char *universe = plain(file, "universe_domain");

  if (!project) project = plain(file, "quota_project_id");
  return keep(&adc->kind, vtx_secret_json_text(file, "type")) &&
         keep(&adc->project, project) &&
         (adc->universe || !universe || keep(&adc->universe, universe));
}

static bool use_file(struct adc *adc, const struct json_object *file,
                     const char **ret_why) {
  const char *quota = adc->quota_project;
  struct vtx_token_source *source =
      vtx_token_source_from(&adc->place, file, ret_why);

  if (!source) return false;
  if (!quota) quota = plain(file, "quota_project_id");
  if (vtx_token_cache_set_source(&adc->cache, source, quota)) return true;
  vtx_token_source_free(source);
  *ret_why = "could not be read: out of memory";
  return false;
}

static bool open_file(struct adc *adc, const char **ret_why) {
  struct json_object *file = NULL;
  bool good = false;

  *ret_why = "does not exist";
  if (stat(adc->path, &adc->seen) != 0) return false;
  file = read_object(adc->path, ret_why);
  if (!file) return false;
  *ret_why = "could not be read: out of memory";
  good = use_file(adc, file, ret_why) && note_facts(adc, file);
  vtx_secret_json_free(file);
  return good;
}

/* Takes over what the file says now, if it changed and is good. */
static void look(struct adc *adc) {
  struct stat now;
  struct json_object *file;
  const char *why = NULL;

  if (!adc->path || loop_now(adc) < adc->looked + LOOK_EVERY) return;
  adc->looked = loop_now(adc);
  if (stat(adc->path, &now) != 0 || same_file(&now, &adc->seen)) return;
  adc->seen = now;
  file = read_object(adc->path, &why);
  if (!(file && use_file(adc, file, &why)) && adc->events.file_ignored) {
    adc->events.file_ignored(adc->events.ctx, adc->path, why);
  }
  vtx_secret_json_free(file);
}

/* --- the credential ---------------------------------------------------------
 */

static void get(struct vtx_credential *credential,
                struct vtx_credential_wait *wait) {
  look(adc_of(credential));
  vtx_token_cache_get(&adc_of(credential)->cache, wait);
}

static void forget(struct vtx_credential *credential,
                   struct vtx_credential_wait *wait) {
  (void)credential;
  vtx_token_cache_forget(wait);
}

static void refused(struct vtx_credential *credential) {
  vtx_token_cache_refused(&adc_of(credential)->cache);
}

static void free_adc(struct vtx_credential *credential) {
  struct adc *adc = adc_of(credential);

  vtx_token_cache_release(&adc->cache);
  free(adc->path);
  free(adc->quota_project);
  free(adc->universe);
  free(adc->project);
  free(adc->kind);
  free(adc->token_url);
  free(adc);
}

static const struct vtx_credential_type adc_type = {
    .get = get,
    .forget = forget,
    .refused = refused,
    .free = free_adc,
};

/* --- opening ----------------------------------------------------------------
 */

static const char *process_env(const char *name) { return getenv(name); }

static int64_t system_time(void) { return (int64_t)time(NULL); }

static bool is_universe(const char *text) {
  return strlen(text) <= MOST_UNIVERSE && strchr(text, '.') &&
         strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") ==
             strlen(text) &&
         text[0] != '.' && !strstr(text, "..");
}

/* Seconds and address differ from process to process, which is all that is
 * wanted. */
static uint64_t seed_of(const void *at) {
  return (uint64_t)cb_now(NULL) ^ (uint64_t)(uintptr_t)at;
}

static struct adc *make(const struct vtx_adc_options *options) {
  struct adc *adc = calloc(1, sizeof *adc);
  const struct vtx_token_loop loop = {loop_now, loop_set, loop_cancel, adc};

  if (!adc) return NULL;
  adc->credential.type = &adc_type;
  vtx_token_cache_init(&adc->cache, &loop, seed_of(adc));
  adc->place = (struct vtx_token_place){
      .get_env = options->get_env ? options->get_env : process_env,
      .unix_time = options->unix_time ? options->unix_time : system_time,
      .self_signed = options->self_signed,
      .universe = USUAL_UNIVERSE,
  };
  if (keep(&adc->path, options->metadata ? NULL : options->file) &&
      keep(&adc->quota_project, options->quota_project) &&
      keep(&adc->universe, options->universe) &&
      keep(&adc->token_url, options->token_url)) {
    adc->place.token_url = adc->token_url;
    return adc;
  }
  free_adc(&adc->credential);
  return NULL;
}

/* The path of gcloud's file, malloced; NULL if there is no such place. */
static char *gcloud_path(const struct adc *adc) {
  const char *folder = adc->place.get_env("CLOUDSDK_CONFIG");
  const char *home = adc->place.get_env("HOME");
  char *path = NULL;
  int len = -1;

  if (folder && *folder) {
    len = asprintf(&path, "%s/%s", folder, GCLOUD_FILE);
  } else if (home && *home) {
    len = asprintf(&path, "%s/.config/gcloud/%s", home, GCLOUD_FILE);
  }
  return len < 0 ? NULL : path;
}

static bool open_metadata(struct adc *adc) {
  struct vtx_metadata_facts facts = {NULL, NULL};
  struct vtx_token_source *source = vtx_metadata_new(&adc->place);

  if (!source ||
      !vtx_token_cache_set_source(&adc->cache, source, adc->quota_project)) {
    vtx_token_source_free(source);
    return false;
  }
  vtx_metadata_probe(&adc->place, &facts);
  adc->project = facts.project;
  if (adc->universe) {
    free(facts.universe);
  } else {
    adc->universe = facts.universe;
  }
  return keep(&adc->kind, "metadata");
}

/* Finds what there is. */
static bool search(struct adc *adc, bool metadata,
                   struct vtx_token_failure *failure) {
  const char *why = NULL;

  if (!adc->path && !metadata) {
    adc->path = gcloud_path(adc);
    if (adc->path && access(adc->path, F_OK) != 0) {
      free(adc->path);
      adc->path = NULL;
    }
  }
  if (adc->path) {
    if (open_file(adc, &why)) return true;
    vtx_token_fail(failure, true, "the credential file %s %s", adc->path, why);
    return false;
  }
  vtx_token_fail(failure, true,
                 "none is named, gcloud has left none, and there is "
                 "no metadata server");
  if (!metadata && !vtx_metadata_detect(&adc->place)) return false;
  vtx_token_fail(failure, true, "out of memory");
  return open_metadata(adc);
}

struct vtx_credential *vtx_adc_open(const struct vtx_adc_options *options,
                                    struct vtx_token_failure *ret_failure) {
  struct adc *adc = make(options);

  if (!adc) {
    vtx_token_fail(ret_failure, true, "out of memory");
    return NULL;
  }
  if (!search(adc, options->metadata, ret_failure)) {
    free_adc(&adc->credential);
    return NULL;
  }
  if (adc->universe && !is_universe(adc->universe)) {
    vtx_token_fail(ret_failure, true, "the universe domain is no domain name");
    free_adc(&adc->credential);
    return NULL;
  }
  if (adc->universe) adc->place.universe = adc->universe;
  return &adc->credential;
}

void vtx_adc_bind(struct vtx_credential *credential, struct vtx_engine *engine,
                  const struct vtx_adc_events *events) {
  struct adc *adc = adc_of(credential);

  if (credential->type != &adc_type) return;
  adc->place.engine = engine;
  adc->events = *events;
  adc->cache.on_failure = events->refresh_failed;
  adc->cache.on_failure_ctx = events->ctx;
}

bool vtx_adc_facts(const struct vtx_credential *credential,
                   struct vtx_adc_facts *ret_facts) {
  const struct adc *adc = (const struct adc *)(const void *)credential;

  if (credential->type != &adc_type) return false;
  *ret_facts = (struct vtx_adc_facts){adc->kind, adc->path, adc->project,
                                      adc->place.universe};
  return true;
}
