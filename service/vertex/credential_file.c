#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "service/vertex/credential.h"
#include "service/vertex/credential_internal.h"

/* The file is looked at when a token is asked for, not by a timer: a server
 * without calls touches nothing. A look is a stat(); only a file that changed
 * is read. All of it is a local file of at most some kilobytes, so that the
 * engine's thread may do it in passing. */
#define LOOK_EVERY CB_SECOND
#define LOOK_AFTER_REFUSAL (100 * CB_MILLISECOND)

/* Tokens of a kilobyte or two occur. */
#define MOST_BYTES ((size_t)32 * 1024)

#define SCHEME "Bearer "

struct token_file {
  struct vtx_credential credential;
  char *path;
  char *value;         /* "Bearer " and the token */
  char *quota_project; /* NULL: none */
  bool once;
  bool refused;
  int64_t looked;
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec changed;
};

static bool same_time(struct timespec a, struct timespec b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct token_file *self, const struct stat *seen) {
  return self->device == seen->st_dev && self->inode == seen->st_ino &&
         self->size == seen->st_size && same_time(self->changed, seen->st_mtim);
}

static void remember(struct token_file *self, const struct stat *seen) {
  self->device = seen->st_dev;
  self->inode = seen->st_ino;
  self->size = seen->st_size;
  self->changed = seen->st_mtim;
}

/* The first line without the blanks around it; "Bearer " in front of it, as
 * some write it into the file, is not part of the token. */
static char *first_line(char *text) {
  char *start = text + strspn(text, " \t\r\n");
  size_t size = strcspn(start, "\r\n");

  while (size > 0 && (start[size - 1] == ' ' || start[size - 1] == '\t')) {
    size--;
  }
  start[size] = '\0';
  if (strncasecmp(start, SCHEME, strlen(SCHEME)) == 0) {
    start += strlen(SCHEME);
    start += strspn(start, " \t");
  }
  return start;
}

/* The header's value from the file's bytes (which are changed), or NULL and
 * *ret_why. */
static char *value_from(char *bytes, size_t size, const char **ret_why) {
  char *token = NULL;
  char *value = NULL;

  if (size > MOST_BYTES) {
    *ret_why = "is too large for a token";
    return NULL;
  }
  bytes[size] = '\0';
  if (strlen(bytes) != size) {
    *ret_why = "holds a NUL character";
    return NULL;
  }
  token = first_line(bytes);
  if (!vtx_credential_text_ok(token)) {
    *ret_why = token[0] ? "holds a character that no token has" : "is empty";
    return NULL;
  }
  size = sizeof SCHEME + strlen(token);
  value = malloc(size);
  if (!value) {
    *ret_why = "could not be read: out of memory";
    return NULL;
  }
  snprintf(value, size, "%s%s", SCHEME, token);
  return value;
}

static char *read_value(int file, const char **ret_why) {
  char *bytes = malloc(MOST_BYTES + 2);
  char *value = NULL;
  ssize_t size;

  *ret_why = "could not be read";
  if (!bytes) return NULL;
  size = vtx_credential_read(file, bytes, MOST_BYTES + 1);
  if (size >= 0) value = value_from(bytes, (size_t)size, ret_why);
  explicit_bzero(bytes, MOST_BYTES + 2);
  free(bytes);
  return value;
}

/* Reads the token anew; the old one stays if that fails. */
static void reread(struct token_file *self, const struct stat *seen) {
  /* NONBLOCK: whatever took the file's place must not stop the engine. */
  int file = open(self->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat now = *seen;
  const char *why = NULL;
  char *value = NULL;

  if (file < 0) return;
  if (fstat(file, &now) == 0 && S_ISREG(now.st_mode)) {
    value = read_value(file, &why);
  }
  close(file);
  if (!value) return;
  vtx_credential_wipe(self->value);
  self->value = value;
  remember(self, &now);
}

static void look(struct token_file *self) {
  int64_t now = cb_now(NULL);
  int64_t wait = self->refused ? LOOK_AFTER_REFUSAL : LOOK_EVERY;
  struct stat seen;

  if (self->once || now < cb_time_add(self->looked, wait)) return;
  self->looked = now;
  if (stat(self->path, &seen) != 0) return;
  if (self->refused || !same_file(self, &seen)) reread(self, &seen);
  self->refused = false;
}

static void get_token(struct vtx_credential *credential,
                      struct vtx_credential_wait *wait) {
  struct token_file *self = (struct token_file *)(void *)credential;
  const struct cb_status ok = cb_status_ok();
  struct cb_pair headers[] = {
      {"Authorization", NULL},
      {"x-goog-user-project", self->quota_project},
  };

  look(self);
  headers[0].value = self->value;
  wait->ready(wait, &ok, headers, self->quota_project ? 2 : 1);
}

static void forget_nothing(struct vtx_credential *credential,
                           struct vtx_credential_wait *wait) {
  (void)credential;
  (void)wait;
}

static void refuse_token(struct vtx_credential *credential) {
  ((struct token_file *)(void *)credential)->refused = true;
}

static void free_token(struct vtx_credential *credential) {
  struct token_file *self = (struct token_file *)(void *)credential;

  vtx_credential_wipe(self->value);
  free(self->quota_project);
  free(self->path);
  free(self);
}

static const struct vtx_credential_type file_type = {
    .get = get_token,
    .forget = forget_nothing,
    .refused = refuse_token,
    .free = free_token,
};

/* The first reading; it may wait for the writer of a FIFO. */
static bool read_first(struct token_file *self, const char **ret_why) {
  int file = open(self->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  struct stat seen;

  *ret_why = "cannot be opened";
  if (file < 0) return false;
  if (fstat(file, &seen) == 0) {
    self->once = !S_ISREG(seen.st_mode);
    remember(self, &seen);
    self->value = read_value(file, ret_why);
  }
  close(file);
  return self->value != NULL;
}

/* Keeps copies; false when out of memory. */
static bool keep_texts(struct token_file *self, const char *path,
                       const char *quota_project) {
  self->path = strdup(path);
  if (quota_project) self->quota_project = strdup(quota_project);
  return self->path && (self->quota_project || !quota_project);
}

struct vtx_credential *vtx_credential_token_file(const char *path,
                                                 const char *quota_project,
                                                 struct cb_status *ret_status) {
  struct token_file *self = calloc(1, sizeof *self);
  const char *why = "cannot be read: out of memory";

  if (self) {
    self->credential.type = &file_type;
    self->looked = cb_now(NULL);
    if (keep_texts(self, path, quota_project) && read_first(self, &why))
      return &self->credential;
    free_token(&self->credential);
  }
  *ret_status =
      cb_status_make(CB_FAILED_PRECONDITION, "CREDENTIAL_UNAVAILABLE", why);
  ret_status->field = "access_token_file";
  return NULL;
}

bool vtx_credential_token_file_once(const struct vtx_credential *credential) {
  return credential->type == &file_type &&
         ((const struct token_file *)(const void *)credential)->once;
}
