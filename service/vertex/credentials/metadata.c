#include "service/vertex/credentials/metadata.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "service/vertex/credential_internal.h"
#include "service/vertex/credentials/encode.h"
#include "service/vertex/credentials/http_source.h"
#include "service/vertex/credentials/kinds.h"
#include "service/vertex/credentials/secret.h"
#include "service/vertex/credentials/token_answer.h"

#define USUAL_HOST "metadata.google.internal"
#define USUAL_ADDRESS "169.254.169.254"
#define FLAVOR "Metadata-Flavor: Google"
#define TOKEN_PATH "/computeMetadata/v1/instance/service-accounts/default/token"
#define ATTEMPTS 5
#define ATTEMPT_TIMEOUT (5 * CB_SECOND)
#define USUAL_TIMEOUT 3
#define USUAL_TRIES 3
#define MOST_TRIES 20
#define MOST_FACT 256

static const char *env(const struct vtx_token_place *place, const char *name) {
  const char *value = place->get_env(name);

  return value && *value ? value : NULL;
}

static const char *host_of(const struct vtx_token_place *place) {
  const char *host = env(place, "GCE_METADATA_HOST");

  if (!host) host = env(place, "GCE_METADATA_ROOT");
  return host ? host : USUAL_HOST;
}

/* --- tokens, on the engine ------------------------------------------------ */

static void fetch(struct vtx_token_source *source, struct vtx_token_sink sink) {
  struct vtx_http_source *self = (struct vtx_http_source *)(void *)source;
  const struct cb_pair header = {"Metadata-Flavor", "Google"};
  struct vtx_token_request_spec spec = {
      .what = "the metadata server",
      .method = "GET",
      .headers = &header,
      .header_count = 1,
      .attempts = ATTEMPTS,
      .timeout = ATTEMPT_TIMEOUT,
      .direct = true,
  };
  struct cb_buf url;

  self->sink = sink;
  cb_buf_init(&url, 4096, NULL);
  cb_buf_printf(&url, "http://%s" TOKEN_PATH "?scopes=", host_of(self->place));
  vtx_encode_percent(&url, VTX_SCOPE_CLOUD, "");
  spec.url = url.data;
  if (url.failed) {
    vtx_token_deliver_no_memory(sink, spec.what);
  } else {
    vtx_http_source_ask(self, &spec, vtx_http_source_token);
  }
  cb_buf_release(&url);
}

static void free_metadata(struct vtx_token_source *source) {
  vtx_http_source_cancel(source);
  free(source);
}

static const struct vtx_token_source_type metadata_type = {
    .fetch = fetch,
    .cancel = vtx_http_source_cancel,
    .free = free_metadata,
};

struct vtx_token_source *vtx_metadata_new(const struct vtx_token_place *place) {
  struct vtx_http_source *self = calloc(1, sizeof *self);

  if (!self) return NULL;
  self->source.type = &metadata_type;
  self->place = place;
  return &self->source;
}

/* --- detection and facts, before the engine runs -------------------------- */

struct answer {
  bool flavored;
  char text[MOST_FACT];
  size_t size;
};

static size_t on_header(char *data, size_t size, size_t count, void *arg) {
  struct answer *answer = arg;
  size_t total = size * count;

  if (total >= strlen(FLAVOR) &&
      strncasecmp(data, FLAVOR, strlen(FLAVOR)) == 0) {
    answer->flavored = true;
  }
  return total;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg) {
  struct answer *answer = arg;
  size_t total = size * count;

  if (total >= MOST_FACT - answer->size) return 0;
  memcpy(answer->text + answer->size, data, total);
  answer->size += total;
  answer->text[answer->size] = '\0';
  return total;
}

static long number_from(const struct vtx_token_place *place, const char *name,
                        long otherwise) {
  const char *text = env(place, name);
  char *end = NULL;
  long number = text ? strtol(text, &end, 10) : 0;

  return text && *end == '\0' && number > 0 && number <= 600 ? number
                                                             : otherwise;
}

/* One GET that blocks. Returns the HTTP status, 0 if none came. */
static long ask(const struct vtx_token_place *place, const char *host,
                const char *path, struct answer *answer) {
  CURL *easy = curl_easy_init();
  struct curl_slist *headers = curl_slist_append(NULL, FLAVOR);
  char url[1024];
  long seconds = number_from(place, "GCE_METADATA_TIMEOUT", USUAL_TIMEOUT);
  long status = 0;

  *answer = (struct answer){.size = 0};
  snprintf(url, sizeof url, "http://%s%s", host, path);
  if (easy && headers) {
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, seconds);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, answer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
    (void)curl_easy_perform(easy); /* the body may be too long: no matter */
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  }
  curl_slist_free_all(headers);
  curl_easy_cleanup(easy);
  return status;
}

static bool name_is_googles(void) {
  char text[16] = "";
  int file = open("/sys/class/dmi/id/product_name", O_RDONLY | O_CLOEXEC);
  ssize_t size = file < 0 ? -1 : read(file, text, sizeof text - 1);

  if (file >= 0) close(file);
  return size >= 6 && strncmp(text, "Google", 6) == 0;
}

bool vtx_metadata_detect(const struct vtx_token_place *place) {
  const char *no = env(place, "NO_GCE_CHECK");
  const char *address = env(place, "GCE_METADATA_IP");
  long tries = number_from(place, "GCE_METADATA_DETECT_RETRIES", USUAL_TRIES);
  struct answer answer;

  if (no && strcasecmp(no, "true") == 0) return false;
  if (!address && env(place, "GCE_METADATA_HOST")) address = host_of(place);
  for (long i = 0; i < tries && i < MOST_TRIES; i++) {
    if (ask(place, address ? address : USUAL_ADDRESS, "/", &answer) > 0) {
      return answer.flavored;
    }
  }
  return name_is_googles();
}

static char *fact(const struct vtx_token_place *place, const char *path) {
  struct answer answer;

  if (ask(place, host_of(place), path, &answer) != 200 || !answer.flavored ||
      !vtx_credential_text_ok(answer.text)) {
    return NULL;
  }
  return strdup(answer.text);
}

void vtx_metadata_probe(const struct vtx_token_place *place,
                        struct vtx_metadata_facts *ret_facts) {
  ret_facts->project = fact(place, "/computeMetadata/v1/project/project-id");
  ret_facts->universe =
      fact(place, "/computeMetadata/v1/universe/universe-domain");
}
