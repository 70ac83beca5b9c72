/* Runs a program and reads what it says about a token.
 *
 * The engine's loop does not wait for it: a timer looks every 20 ms what it
 * has written and whether it has ended. That is a few system calls once an
 * hour, and needs neither a thread nor a place in libcurl's poll. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/timers.h"
#include "service/vertex/credential_internal.h"
#include "service/vertex/credentials/impersonate.h"
#include "service/vertex/credentials/secret.h"
#include "service/vertex/credentials/subject.h"
#include "service/vertex/credentials/token_answer.h"
#include "service/vertex/engine.h"

#define WHAT "the subject token's program"
#define LOOK_EVERY (20 * CB_MILLISECOND)
#define LAST_WAIT (2 * CB_MILLISECOND) /* for a death, when all is freed */
#define LAST_WAITS 50
#define USUAL_TIMEOUT 30000 /* milliseconds */
#define LEAST_TIMEOUT 5000
#define MOST_TIMEOUT 120000
#define MOST_WORDS 64
#define PREFIX "GOOGLE_EXTERNAL_ACCOUNT_"
#define OWN_VARIABLES 5
#define ID_TOKEN "urn:ietf:params:oauth:token-type:id_token"
#define JWT_TOKEN "urn:ietf:params:oauth:token-type:jwt"
#define SAML_TOKEN "urn:ietf:params:oauth:token-type:saml2"

extern char **environ;

struct subject_executable {
  struct vtx_token_source source;
  const struct vtx_token_place *place;
  char *command; /* its words, each with a NUL */
  char *words[MOST_WORDS + 1];
  char *variables[OWN_VARIABLES + 1];
  char *output_file; /* NULL: none */
  int64_t timeout;

  /* Of the fetch under way. */
  struct vtx_token_sink sink;
  pid_t pid;   /* 0: none runs */
  pid_t dying; /* killed and not reaped yet; 0: none */
  int out;     /* our end of its stdout */
  struct cb_buf answer;
  int64_t until;
  struct cb_timer timer;
};

/* --- its answer -------------------------------------------------------------
 */

static bool is_true(const struct json_object *object, const char *key) {
  struct json_object *value = NULL;

  return json_object_object_get_ex(object, key, &value) &&
         json_object_is_type(value, json_type_boolean) &&
         json_object_get_boolean(value);
}

static int64_t number(const struct json_object *object, const char *key) {
  struct json_object *value = NULL;

  return json_object_object_get_ex(object, key, &value)
             ? json_object_get_int64(value)
             : 0;
}

/* The token, or NULL and *ret_why. */
static const char *token_in(const struct json_object *answer, int64_t now,
                            const char **ret_why) {
  const char *type = vtx_secret_json_text(answer, "token_type");
  bool saml = type && strcmp(type, SAML_TOKEN) == 0;
  bool known =
      saml ||
      (type && (strcmp(type, ID_TOKEN) == 0 || strcmp(type, JWT_TOKEN) == 0));
  int64_t end = number(answer, "expiration_time");
  const char *token =
      vtx_secret_json_text(answer, saml ? "saml_response" : "id_token");

  *ret_why = number(answer, "version") != 1 ? "says no version 1"
             : !is_true(answer, "success")  ? "says that it failed"
             : !known                       ? "says no token_type that is known"
             : !token                       ? "says no token"
             : end && end <= now            ? "says a token that has run out"
                                            : NULL;
  return *ret_why ? NULL : token;
}

/* Tells what the program, or the file it left, says. */
static void deliver(struct subject_executable *self, const char *text,
                    size_t size) {
  struct vtx_token_failure failure;
  struct vtx_token_result result = {.status = cb_status_ok()};
  struct json_object *answer = vtx_secret_json(text, size);
  const char *why = "says nothing that is a JSON object";

  if (answer) result.token = token_in(answer, self->place->unix_time(), &why);
  if (!result.token) {
    vtx_token_fail(&failure, true, WHAT " %s", why);
    result.status = failure.status;
  }
  self->sink.done(self->sink.ctx, &result);
  vtx_secret_json_free(answer);
}

static void give_up(struct subject_executable *self, const char *why) {
  struct vtx_token_failure failure;

  vtx_token_fail(&failure, false, WHAT " %s", why);
  vtx_token_deliver_failure(self->sink, &failure.status);
}

/* True if the file that the program left last time will do; it is told. */
static bool use_output_file(struct subject_executable *self) {
  const char *why = NULL;
  char *text =
      self->output_file ? vtx_secret_file(self->output_file, &why) : NULL;
  struct json_object *answer =
      text ? vtx_secret_json(text, strlen(text)) : NULL;
  bool good = answer && number(answer, "expiration_time") > 0 &&
              token_in(answer, self->place->unix_time(), &why);

  vtx_secret_json_free(answer);
  if (good) deliver(self, text, strlen(text));
  vtx_credential_wipe(text);
  return good;
}

/* --- the program ------------------------------------------------------------
 */

static void end_fetch(struct subject_executable *self) {
  vtx_engine_cancel_timer(self->place->engine, &self->timer);
  close(self->out);
  self->pid = 0;
}

static void reap(struct subject_executable *self) {
  if (self->dying && waitpid(self->dying, NULL, WNOHANG) != 0) self->dying = 0;
}

/* It and what it has started. The loop does not wait for its death, which may
 * take long if it hangs in the kernel: the timer reaps it. */
static void kill_program(struct subject_executable *self) {
  self->dying = self->pid;
  kill(-self->pid, SIGKILL);
  end_fetch(self);
  vtx_engine_set_timer(self->place->engine, &self->timer,
                       vtx_engine_now(self->place->engine) + LOOK_EVERY);
}

/* Takes what is there. False if it is too much. */
static bool read_some(struct subject_executable *self) {
  char bytes[4096];
  ssize_t size;
  bool fits = true;

  while (fits && (size = read(self->out, bytes, sizeof bytes)) > 0) {
    fits = cb_buf_add(&self->answer, bytes, (size_t)size);
  }
  explicit_bzero(bytes, sizeof bytes);
  return fits;
}

static void ended(struct subject_executable *self, int status) {
  struct cb_buf answer = self->answer;

  end_fetch(self);
  cb_buf_init(&self->answer, 0, NULL);
  if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || answer.len > 0)) {
    deliver(self, answer.len ? answer.data : "", answer.len);
  } else {
    give_up(self, "ended without success");
  }
  vtx_secret_buf_release(&answer);
}

static void on_timer(struct cb_timer *timer) {
  struct subject_executable *self =
      CB_CONTAINER(timer, struct subject_executable, timer);
  int64_t now = vtx_engine_now(self->place->engine);
  int status = 0;
  const char *why = NULL;
  pid_t over;

  reap(self);
  if (!self->pid) { /* nothing but a death is waited for */
    if (self->dying)
      vtx_engine_set_timer(self->place->engine, timer, now + LOOK_EVERY);
    return;
  }
  over = waitpid(self->pid, &status, WNOHANG);
  if (!read_some(self)) why = "writes more than 64 KiB";
  if (!why && over == self->pid) {
    ended(self, status);
    return;
  }
  if (!why && now >= self->until) why = "took too long and was killed";
  if (!why &&
      !vtx_engine_set_timer(self->place->engine, timer, now + LOOK_EVERY)) {
    why = "could not be watched: out of memory";
  }
  if (!why) return;
  if (over == self->pid) {
    end_fetch(self);
  } else {
    kill_program(self);
  }
  vtx_secret_buf_release(&self->answer);
  give_up(self, why);
}

/* Its own variables first, then ours; malloced, NULL when out of memory. */
static char **environment(const struct subject_executable *self) {
  size_t count = 0;
  size_t n = 0;
  char **all;

  while (environ[count])
    count++;
  all = calloc(count + OWN_VARIABLES + 1, sizeof *all);
  if (!all) return NULL;
  for (size_t i = 0; self->variables[i]; i++)
    all[n++] = self->variables[i];
  for (size_t i = 0; i < count; i++) {
    if (strncmp(environ[i], PREFIX, strlen(PREFIX)) != 0) all[n++] = environ[i];
  }
  return all;
}

/* The engine's thread has all signals blocked; the program must not. Nothing
 * of ours but its three files is left open in it, and it leads a group of its
 * own, so that what it starts can be killed along. */
static int spawn(struct subject_executable *self, int out, char **variables) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t how;
  sigset_t none;
  sigset_t all;
  int error;

  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&how);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, out, 1);
  posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK |
                                     POSIX_SPAWN_SETSIGDEF |
                                     POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setsigmask(&how, &none);
  posix_spawnattr_setsigdefault(&how, &all);
  posix_spawnattr_setpgroup(&how, 0);
  error = posix_spawnp(&self->pid, self->words[0], &files, &how, self->words,
                       variables);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&how);
  return error;
}

static bool start(struct subject_executable *self) {
  char **variables = environment(self);
  int ends[2] = {-1, -1};
  bool good = variables && pipe2(ends, O_CLOEXEC) == 0;

  if (good) {
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    good = spawn(self, ends[1], variables) == 0;
    close(ends[1]);
    if (!good) close(ends[0]);
  }
  free(variables);
  if (!good) self->pid = 0;
  self->out = ends[0];
  return good;
}

static void fetch(struct vtx_token_source *source, struct vtx_token_sink sink) {
  struct subject_executable *self = (struct subject_executable *)(void *)source;
  int64_t now = vtx_engine_now(self->place->engine);

  self->sink = sink;
  if (use_output_file(self)) return;
  reap(self);
  if (self->dying) {
    give_up(self, "of last time was killed and has not ended yet");
    return;
  }
  self->until = now + self->timeout;
  if (!start(self)) {
    give_up(self, "cannot be started");
    return;
  }
  vtx_secret_buf_init(&self->answer);
  if (!vtx_engine_set_timer(self->place->engine, &self->timer,
                            now + LOOK_EVERY)) {
    kill_program(self);
    vtx_secret_buf_release(&self->answer);
    give_up(self, "could not be watched: out of memory");
  }
}

static void cancel(struct vtx_token_source *source) {
  struct subject_executable *self = (struct subject_executable *)(void *)source;

  if (self->pid) kill_program(self);
  vtx_secret_buf_release(&self->answer);
}

static void free_executable(struct vtx_token_source *source) {
  struct subject_executable *self = (struct subject_executable *)(void *)source;
  const struct timespec moment = {.tv_nsec = LAST_WAIT};

  cancel(source);
  for (int i = 0; self->dying && i < LAST_WAITS; i++) {
    reap(self);
    if (self->dying) nanosleep(&moment, NULL);
  }
  if (self->place->engine) {
    vtx_engine_cancel_timer(self->place->engine, &self->timer);
  }
  for (size_t i = 0; i < OWN_VARIABLES; i++)
    free(self->variables[i]);
  free(self->command);
  free(self->output_file);
  free(self);
}

static const struct vtx_token_source_type executable_type = {
    .fetch = fetch,
    .cancel = cancel,
    .free = free_executable,
};

/* --- the file's wishes ------------------------------------------------------
 */

/* Parts the command at its blanks; quotes may hold some together. */
static bool part_words(struct subject_executable *self) {
  char *from = self->command;
  size_t count = 0;

  while (*(from += strspn(from, " \t"))) {
    char quote = '\0';
    char *to = from;

    if (count == MOST_WORDS) return false;
    self->words[count++] = from;
    for (; *from && (quote || !strchr(" \t", *from)); from++) {
      if (*from == quote) {
        quote = '\0';
      } else if (!quote && strchr("\"'", *from)) {
        quote = *from;
      } else {
        *to++ = *from;
      }
    }
    if (quote) return false;
    if (*from) from++;
    *to = '\0';
  }
  return count > 0 && self->words[0][0];
}

static bool add_variable(struct subject_executable *self, const char *name,
                         const char *value) {
  size_t count = 0;

  while (self->variables[count])
    count++;
  if (asprintf(&self->variables[count], PREFIX "%s=%s", name, value) >= 0) {
    return true;
  }
  self->variables[count] = NULL;
  return false;
}

static bool add_email(struct subject_executable *self,
                      const struct json_object *file) {
  const char *url =
      vtx_secret_json_text(file, "service_account_impersonation_url");
  char *email = url ? vtx_impersonate_email(url) : NULL;
  bool good =
      !url || (email && add_variable(self, "IMPERSONATED_EMAIL", email));

  free(email);
  return good;
}

static bool set_variables(struct subject_executable *self,
                          const struct json_object *file) {
  const char *audience = vtx_secret_json_text(file, "audience");
  const char *type = vtx_secret_json_text(file, "subject_token_type");

  return add_variable(self, "AUDIENCE", audience ? audience : "") &&
         add_variable(self, "TOKEN_TYPE", type ? type : "") &&
         add_variable(self, "INTERACTIVE", "0") && add_email(self, file) &&
         (!self->output_file ||
          add_variable(self, "OUTPUT_FILE", self->output_file));
}

static bool fill_in(struct subject_executable *self,
                    const struct json_object *file, const char **ret_why) {
  const struct json_object *wish = vtx_secret_json_object(
      vtx_secret_json_object(file, "credential_source"), "executable");
  const char *command = vtx_secret_json_text(wish, "command");
  const char *output = vtx_secret_json_text(wish, "output_file");
  const char *allowed =
      self->place->get_env("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES");
  int64_t timeout = number(wish, "timeout_millis");

  if (timeout == 0) timeout = USUAL_TIMEOUT;
  *ret_why = !allowed || strcmp(allowed, "1") != 0
                 ? "names a program, which "
                   "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1 must allow"
             : !command ? "has an executable without command"
             : timeout < LEAST_TIMEOUT || timeout > MOST_TIMEOUT
                 ? "has a timeout_millis outside of 5000 to 120000"
                 : NULL;
  if (*ret_why) return false;
  *ret_why = "could not be read: out of memory";
  self->timeout = timeout * CB_MILLISECOND;
  self->command = strdup(command);
  if (output) self->output_file = strdup(output);
  if (!self->command || (output && !self->output_file)) return false;
  if (!set_variables(self, file)) return false;
  *ret_why = "has a command that cannot be parted into words";
  return part_words(self);
}

struct vtx_token_source *vtx_subject_executable_new(
    const struct vtx_token_place *place, const struct json_object *file,
    const char **ret_why) {
  struct subject_executable *self = calloc(1, sizeof *self);

  *ret_why = "could not be read: out of memory";
  if (!self) return NULL;
  self->source.type = &executable_type;
  self->place = place;
  self->timer.fire = on_timer;
  if (fill_in(self, file, ret_why)) return &self->source;
  free_executable(&self->source);
  return NULL;
}
