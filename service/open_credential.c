#include "service/open_credential.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "service/config.h"
#include "service/config_endpoint.h"
#include "service/routes/routes.h"
#include "service/vertex/credential.h"
#include "service/vertex/credentials/adc.h"

#define CHECK_BYTES ((size_t)64 * 1024)

static bool wrong(const char *flag, const char *message) {
  fprintf(stderr, "vertexd: %s%s\n", flag, message);
  return false;
}

static bool open_adc(const struct vtx_config *config,
                     struct vtx_opened *opened) {
  const struct vtx_adc_options options = {
      .file = config->credentials_file,
      .metadata = config->metadata_only,
      .quota_project = config->quota_project,
      .universe = config->universe_domain,
      .token_url = config->token_url,
      .self_signed = config->self_signed_jwt,
  };
  struct vtx_token_failure failure;
  struct vtx_adc_facts facts;

  opened->credential = vtx_adc_open(&options, &failure);
  if (!opened->credential) {
    wrong("no credential: ", failure.status.message);
    if (!config->credentials_file && !config->metadata_only)
      fputs(
          "vertexd: say --credentials-file, --access-token-file or --api-key, "
          "or try --emulate, which needs none\n",
          stderr);
    return false;
  }
  vtx_adc_facts(opened->credential, &facts);
  opened->kind = facts.kind;
  opened->universe = facts.universe;
  if (!opened->project) opened->project = facts.project;
  return true;
}

/* A project that was found goes into URLs like one that was given, and the
 * aliases have to fit it. */
static bool check_found(const struct vtx_config *config,
                        const struct vtx_opened *opened) {
  const struct vtx_endpoint endpoint =
      vtx_config_endpoint(config, opened->project, opened->universe);
  struct cb_arena *arena = cb_arena_new(NULL, CHECK_BYTES, 0);
  struct cb_status status;
  bool good;

  if (!arena) return wrong("", "out of memory");
  status = vtx_endpoint_check(&endpoint, arena);
  good = status.code == CB_OK;
  if (!good) {
    wrong("the credential's project: ", status.message);
  } else {
    status = vtx_routes_check(config->routes, &endpoint, arena);
    good = status.code == CB_OK;
    if (!good)
      fprintf(stderr, "vertexd: --%s: %s\n", status.field, status.message);
  }
  cb_arena_free(arena);
  return good;
}

static bool open_any(const struct vtx_config *config,
                     struct vtx_opened *opened) {
  struct cb_status status = cb_status_make(CB_INTERNAL, "", "out of memory");
  const char *flag = "";

  if (config->use_adc) return open_adc(config, opened);
  if (config->api_key) {
    flag = "--api-key: ";
    opened->kind = "api_key";
    opened->credential = vtx_credential_api_key(config->api_key, &status);
  } else if (config->access_token_file) {
    flag = "--access-token-file: ";
    opened->kind = "access_token_file";
    opened->credential = vtx_credential_token_file(
        config->access_token_file, config->quota_project, &status);
  } else {
    opened->credential = vtx_credential_none();
  }
  return opened->credential ? true : wrong(flag, status.message);
}

bool vtx_open_credential(const struct vtx_config *config,
                         struct vtx_opened *ret_opened) {
  *ret_opened = (struct vtx_opened){
      .kind = "none",
      .project = config->project,
      .universe = config->universe_domain,
  };
  if (!open_any(config, ret_opened)) return false;
  if (config->use_adc && !ret_opened->project &&
      !vtx_config_upstream_is_local(config)) {
    wrong("", "no project: neither --project nor the credential names one");
  } else if (check_found(config, ret_opened)) {
    return true;
  }
  vtx_credential_free(ret_opened->credential);
  return false;
}
