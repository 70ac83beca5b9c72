#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "service/config_reader.h"
#include "service/vertex/certificate.h"
#include "service/vertex/labels.h"
#include "service/vertex/tier.h"

/* What requests look like on the wire: version, projects that may be named,
 * certificate, tier, labels. */

static bool check_version(struct vtx_reader *reader) {
  const char *version = reader->config->api_version;

  if (strcmp(version, "v1") == 0 || strcmp(version, "v1beta1") == 0)
    return true;
  return vtx_reader_wrong(
      reader, "--api-version: \"%s\" is neither v1 nor v1beta1", version);
}

static bool check_tier(struct vtx_reader *reader) {
  const char *name = reader->config->request_tier;
  Vertexd__V1__RequestTier tier;

  if (vtx_tier_find(name, &tier)) return true;
  return vtx_reader_wrong(reader,
                          "--request-tier: \"%s\" is neither standard, "
                          "dedicated, shared, priority, flex, shared-priority "
                          "nor shared-flex",
                          name);
}

/* --- projects ------------------------------------------------------------ */

/* Each text holds one project, or several with commas between. */
static bool split_projects(struct vtx_reader *reader) {
  struct vtx_config_list *given = &reader->config->allowed_projects;
  const char **projects =
      cb_arena_alloc(reader->arena, VTX_ALLOWED_PROJECTS * sizeof *projects);
  size_t count = 0;

  if (!projects) return vtx_reader_wrong(reader, "out of memory");
  for (size_t i = 0; i < given->count; i++) {
    const char *text = given->items[i];

    for (;;) {
      size_t size = strcspn(text, ",");

      if (count == VTX_ALLOWED_PROJECTS)
        return vtx_reader_wrong(reader, "--allow-project: more than %d",
                                VTX_ALLOWED_PROJECTS);
      projects[count] = cb_arena_memdup(reader->arena, text, size);
      if (!projects[count++]) return vtx_reader_wrong(reader, "out of memory");
      if (!text[size]) break;
      text += size + 1;
    }
  }
  *given = (struct vtx_config_list){projects, count};
  return true;
}

/* --- the certificate ----------------------------------------------------- */

static bool check_certificate(struct vtx_reader *reader) {
  struct vtx_config *config = reader->config;
  const char *why;

  if (!config->client_certificate) {
    if (config->client_key || config->mtls)
      return vtx_reader_wrong(reader, "--%s needs --client-certificate",
                              config->mtls ? "mtls" : "client-key");
    return true;
  }
  if (!config->client_key) config->client_key = config->client_certificate;
  switch (vtx_certificate_check(config->client_certificate, config->client_key,
                                &why)) {
    case VTX_CERTIFICATE_FILE:
      return vtx_reader_wrong(reader, "--client-certificate: %s %s",
                              config->client_certificate, why);
    case VTX_CERTIFICATE_KEY:
      return vtx_reader_wrong(reader, "--client-key: %s %s", config->client_key,
                              why);
    case VTX_CERTIFICATE_FINE:
      break;
  }
  return true;
}

static bool check_mtls(struct vtx_reader *reader) {
  const struct vtx_config *config = reader->config;
  const char *other = config->emulate ? "emulate" : "base-url";

  if (!config->mtls || (!config->emulate && !config->base_url)) return true;
  return vtx_reader_wrong(reader, "--mtls and --%s exclude each other", other);
}

/* --- labels -------------------------------------------------------------- */

static bool read_label(struct vtx_reader *reader, const char *text,
                       struct cb_pair *pairs, size_t *count) {
  size_t size = strcspn(text, "=");
  struct cb_pair pair = {cb_arena_memdup(reader->arena, text, size), ""};
  const char *why;

  if (!pair.key) return vtx_reader_wrong(reader, "out of memory");
  if (text[size] != '=')
    return vtx_reader_wrong(reader, "--label: \"%s\" is not KEY=VALUE", text);
  pair.value = text + size + 1;
  why = vtx_label_wrong(pair.key, pair.value);
  if (why)
    return vtx_reader_wrong(reader, "--label: \"%s\" can be no label: %s", text,
                            why);
  for (size_t i = 0; i < *count; i++) {
    if (strcmp(pairs[i].key, pair.key) == 0)
      return vtx_reader_wrong(reader, "--label: the key %s is there twice",
                              pair.key);
  }
  pairs[(*count)++] = pair;
  return true;
}

static bool read_labels(struct vtx_reader *reader) {
  struct vtx_config *config = reader->config;
  struct vtx_labels *labels = cb_arena_zalloc(reader->arena, 1, sizeof *labels);
  struct cb_pair *pairs =
      cb_arena_zalloc(reader->arena, VTX_LABELS_MAX, sizeof *pairs);

  if (!labels || !pairs) return vtx_reader_wrong(reader, "out of memory");
  for (size_t i = 0; i < config->label_texts.count; i++) {
    if (!read_label(reader, config->label_texts.items[i], pairs,
                    &labels->count))
      return false;
  }
  labels->pairs = pairs;
  config->labels = labels;
  return true;
}

bool vtx_config_settle_requests(struct vtx_reader *reader) {
  return check_version(reader) && check_tier(reader) &&
         split_projects(reader) && check_mtls(reader) &&
         check_certificate(reader) && read_labels(reader);
}
