/* Which credential the settings mean; whether it is any good shows when it is
 * opened (open_credential.h). */
#include <string.h>

#include "service/config_reader.h"

static bool is_own(const struct vtx_reader *reader, const char *name) {
  return vtx_reader_source(reader, name) >= VTX_SOURCE_OUR_VARIABLE;
}

static bool exclude(struct vtx_reader *reader, const char *first,
                    const char *second) {
  return vtx_reader_wrong(reader, "--%s and --%s exclude each other", first,
                          second);
}

/* Settings that contradict each other, where both were meant for vertexd. */
static bool check_pairs(struct vtx_reader *reader) {
  static const char *const pairs[][2] = {
      {"api-key", "access-token-file"},
      {"api-key", "credentials-file"},
      {"access-token-file", "credentials-file"},
  };

  for (size_t i = 0; i < 3; i++)
    if (is_own(reader, pairs[i][0]) && is_own(reader, pairs[i][1]))
      return exclude(reader, pairs[i][0], pairs[i][1]);
  return true;
}

/* --credentials says it: anything else that was meant is a mistake, and what
 * was meant for any program is not used. */
static bool obey(struct vtx_reader *reader, bool takes_file) {
  struct vtx_config *config = reader->config;

  if (is_own(reader, "api-key"))
    return exclude(reader, "credentials", "api-key");
  if (is_own(reader, "access-token-file"))
    return exclude(reader, "credentials", "access-token-file");
  if (!takes_file && is_own(reader, "credentials-file"))
    return exclude(reader, "credentials", "credentials-file");
  config->api_key = NULL;
  config->access_token_file = NULL;
  if (!takes_file) config->credentials_file = NULL;
  return true;
}

/* A key that was meant for any program gives way to what was meant for this
 * one: a project, a location, a token or a credential file. */
static bool choose_alone(struct vtx_reader *reader) {
  struct vtx_config *config = reader->config;
  bool given;

  if (vtx_reader_source(reader, "api-key") == VTX_SOURCE_THEIR_VARIABLE &&
      (config->access_token_file || is_own(reader, "project") ||
       is_own(reader, "location") || is_own(reader, "credentials-file")))
    config->api_key = NULL;
  given = config->api_key || config->access_token_file;
  config->use_adc = !given && (is_own(reader, "credentials-file") ||
                               !vtx_config_upstream_is_local(config));
  if (!config->api_key && config->access_token_file && !config->project &&
      !vtx_config_upstream_is_local(config))
    return vtx_reader_wrong(
        reader,
        "no project: --access-token-file needs --project (only an "
        "API key works without)");
  return true;
}

bool vtx_config_choose_credential(struct vtx_reader *reader) {
  struct vtx_config *config = reader->config;
  const char *kind = config->credentials;

  if (config->emulate) {
    config->api_key = NULL;
    config->access_token_file = NULL;
    return true;
  }
  if (!check_pairs(reader)) return false;
  if (strcmp(kind, "auto") == 0) return choose_alone(reader);
  if (strcmp(kind, "none") == 0) return obey(reader, false);
  config->use_adc = true;
  if (strcmp(kind, "adc") == 0) return obey(reader, true);
  config->metadata_only = true;
  if (strcmp(kind, "metadata") == 0) return obey(reader, false);
  return vtx_reader_wrong(
      reader, "--credentials: \"%s\" is neither auto, adc, metadata nor none",
      kind);
}
