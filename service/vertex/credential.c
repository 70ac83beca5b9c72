#include "service/vertex/credential.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/vertex/credential_internal.h"
#include "service/vertex/reasons.h"

bool vtx_credential_text_ok(const char *text) {
  if (!text[0]) return false;
  for (const char *at = text; *at; at++) {
    if (*at <= ' ' || *at > '~') return false;
  }
  return true;
}

void vtx_credential_wipe(char *secret) {
  if (!secret) return;
  explicit_bzero(secret, strlen(secret));
  free(secret);
}

ssize_t vtx_credential_read(int file, char *bytes, size_t room) {
  size_t len = 0;

  while (len < room) {
    ssize_t got = read(file, bytes + len, room - len);

    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    len += (size_t)got;
  }
  return (ssize_t)len;
}

void vtx_credential_free(struct vtx_credential *credential) {
  if (credential) credential->type->free(credential);
}

static void forget_nothing(struct vtx_credential *credential,
                           struct vtx_credential_wait *wait) {
  (void)credential;
  (void)wait;
}

static void nothing_newer(struct vtx_credential *credential) {
  (void)credential;
}

static void get_none(struct vtx_credential *credential,
                     struct vtx_credential_wait *wait) {
  const struct cb_status ok = cb_status_ok();

  (void)credential;
  wait->ready(wait, &ok, NULL, 0);
}

static void free_none(struct vtx_credential *credential) { free(credential); }

static const struct vtx_credential_type none_type = {
    .get = get_none,
    .forget = forget_nothing,
    .refused = nothing_newer,
    .free = free_none,
};

struct vtx_credential *vtx_credential_none(void) {
  struct vtx_credential *credential = malloc(sizeof *credential);

  if (credential) credential->type = &none_type;
  return credential;
}

struct api_key {
  struct vtx_credential credential;
  char *key;
};

static void get_key(struct vtx_credential *credential,
                    struct vtx_credential_wait *wait) {
  const struct api_key *self = (const struct api_key *)(void *)credential;
  const struct cb_pair header = {"x-goog-api-key", self->key};
  const struct cb_status ok = cb_status_ok();

  wait->ready(wait, &ok, &header, 1);
}

static void free_key(struct vtx_credential *credential) {
  struct api_key *self = (struct api_key *)(void *)credential;

  vtx_credential_wipe(self->key);
  free(self);
}

static const struct vtx_credential_type key_type = {
    .get = get_key,
    .forget = forget_nothing,
    .refused = nothing_newer,
    .free = free_key,
};

struct vtx_credential *vtx_credential_api_key(const char *key,
                                              struct cb_status *ret_status) {
  struct api_key *self = NULL;

  if (!vtx_credential_text_ok(key)) {
    *ret_status = cb_status_make(
        CB_INVALID_ARGUMENT, "INVALID_FIELD",
        "the API key is empty or has a character that no key has");
    ret_status->field = "api_key";
    return NULL;
  }
  self = calloc(1, sizeof *self);
  if (self) self->key = strdup(key);
  if (!self || !self->key) {
    free(self);
    *ret_status = vtx_no_memory("no memory for the API key");
    return NULL;
  }
  self->credential.type = &key_type;
  return &self->credential;
}
