#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmocka_all.h"
#include "service/vertex/credential.h"

struct asked {
  struct vtx_credential_wait wait;
  int count;
  size_t headers;
  char key[64];
  char value[256];
  char second_key[64];
  char second_value[64];
  enum cb_code code;
};

static void on_ready(struct vtx_credential_wait *wait,
                     const struct cb_status *status,
                     const struct cb_pair *headers, size_t header_count) {
  struct asked *asked = CB_CONTAINER(wait, struct asked, wait);

  asked->count++;
  asked->code = status->code;
  asked->headers = header_count;
  if (header_count == 0) return;
  snprintf(asked->key, sizeof asked->key, "%s", headers[0].key);
  snprintf(asked->value, sizeof asked->value, "%s", headers[0].value);
  if (header_count == 1) return;
  snprintf(asked->second_key, sizeof asked->second_key, "%s", headers[1].key);
  snprintf(asked->second_value, sizeof asked->second_value, "%s",
           headers[1].value);
}

static struct asked ask(struct vtx_credential *credential) {
  struct asked asked = {.wait.ready = on_ready};

  cb_list_init(&asked.wait.link);
  credential->type->get(credential, &asked.wait);
  assert_int_equal(asked.count, 1);
  assert_int_equal(asked.code, CB_OK);
  return asked;
}

static void assert_token(struct vtx_credential *credential, const char *value) {
  struct asked asked = ask(credential);

  assert_int_equal(asked.headers, 1);
  assert_string_equal(asked.key, "Authorization");
  assert_string_equal(asked.value, value);
}

static void nap(int64_t ns) {
  const struct timespec time = {.tv_sec = ns / CB_SECOND,
                                .tv_nsec = ns % CB_SECOND};

  nanosleep(&time, NULL);
}

/* A file's name in a folder of its own. */
struct folder {
  char path[64];
  char file[80];
};

static struct folder folder_make(void) {
  struct folder folder = {.path = "/tmp/vertexd-test-XXXXXX"};

  assert_non_null(mkdtemp(folder.path));
  snprintf(folder.file, sizeof folder.file, "%s/token", folder.path);
  return folder;
}

static void folder_remove(struct folder *folder) {
  unlink(folder->file);
  rmdir(folder->path);
}

static void write_bytes(const char *path, const char *bytes, size_t size) {
  FILE *file = fopen(path, "w");

  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  fclose(file);
}

static void write_text(const char *path, const char *text) {
  write_bytes(path, text, strlen(text));
}

static void none__get__no_headers(void **state) {
  struct vtx_credential *none = vtx_credential_none();
  struct asked asked = ask(none);

  (void)state;
  assert_int_equal(asked.headers, 0);
  none->type->refused(none);
  assert_false(vtx_credential_token_file_once(none));
  vtx_credential_free(none);
  vtx_credential_free(NULL);
}

static void api_key__good__header(void **state) {
  struct cb_status status;
  struct vtx_credential *key = vtx_credential_api_key("AIza-x_9", &status);
  struct asked asked = ask(key);

  (void)state;
  assert_string_equal(asked.key, "x-goog-api-key");
  assert_string_equal(asked.value, "AIza-x_9");
  vtx_credential_free(key);
}

static void api_key__not_for_a_header__refused(void **state) {
  static const char *const bad[] = {"",          " ",     "a b",
                                    "a\r\nX: y", "a\x7f", "schl\xc3\xbcssel"};
  struct cb_status status;

  (void)state;
  for (size_t i = 0; i < 6; i++) {
    assert_null(vtx_credential_api_key(bad[i], &status));
    assert_int_equal(status.code, CB_INVALID_ARGUMENT);
    assert_string_equal(status.field, "api_key");
  }
}

static void token_file__any_spelling__one_token(void **state) {
  static const char *const texts[] = {
      "ya29.a-b_c", "  ya29.a-b_c \r\n", "\nya29.a-b_c\nsecond line\n",
      "Bearer ya29.a-b_c\n", "bearer\x20\x20ya29.a-b_c"};
  struct folder folder = folder_make();
  struct cb_status status;

  (void)state;
  for (size_t i = 0; i < 5; i++) {
    struct vtx_credential *token;

    write_text(folder.file, texts[i]);
    token = vtx_credential_token_file(folder.file, NULL, &status);
    assert_non_null(token);
    assert_token(token, "Bearer ya29.a-b_c");
    assert_false(vtx_credential_token_file_once(token));
    vtx_credential_free(token);
  }
  folder_remove(&folder);
}

static void token_file__quota_project__second_header(void **state) {
  struct folder folder = folder_make();
  char project[] = "payer";
  struct vtx_credential *token;
  struct cb_status status;
  struct asked asked;

  (void)state;
  write_text(folder.file, "one");
  token = vtx_credential_token_file(folder.file, project, &status);
  assert_non_null(token);
  project[0] = 'x'; /* it was copied */
  asked = ask(token);
  assert_int_equal(asked.headers, 2);
  assert_string_equal(asked.value, "Bearer one");
  assert_string_equal(asked.second_key, "x-goog-user-project");
  assert_string_equal(asked.second_value, "payer");
  vtx_credential_free(token);
  folder_remove(&folder);
}

static void token_file__nothing_usable__says_why(void **state) {
  static const char *const texts[] = {"", " \n", "two words", "t\x01",
                                      "t\xc3\xa9"};
  struct folder folder = folder_make();
  struct cb_status status;

  (void)state;
  assert_null(vtx_credential_token_file(folder.file, NULL, &status));
  assert_int_equal(status.code, CB_FAILED_PRECONDITION);
  assert_string_equal(status.reason, "CREDENTIAL_UNAVAILABLE");
  assert_string_equal(status.field, "access_token_file");
  for (size_t i = 0; i < 5; i++) {
    write_text(folder.file, texts[i]);
    assert_null(vtx_credential_token_file(folder.file, NULL, &status));
    assert_string_equal(status.reason, "CREDENTIAL_UNAVAILABLE");
    assert_null(strstr(status.message, "word")); /* never the secret */
  }
  write_bytes(folder.file, "a\0b", 3);
  assert_null(vtx_credential_token_file(folder.file, NULL, &status));
  assert_null(
      vtx_credential_token_file(folder.path, NULL, &status)); /* a folder */
  folder_remove(&folder);
}

static void token_file__size__at_limit_and_past(void **state) {
  const size_t limit = 32 * 1024;
  struct folder folder = folder_make();
  char *text = malloc(limit + 1);
  struct vtx_credential *token;
  struct cb_status status;

  (void)state;
  memset(text, 'x', limit + 1);
  write_bytes(folder.file, text, limit);
  token = vtx_credential_token_file(folder.file, NULL, &status);
  assert_non_null(token);
  vtx_credential_free(token);
  write_bytes(folder.file, text, limit + 1);
  assert_null(vtx_credential_token_file(folder.file, NULL, &status));
  free(text);
  folder_remove(&folder);
}

static void token_file__changed__read_again_within_a_second(void **state) {
  struct folder folder = folder_make();
  struct vtx_credential *token;
  struct cb_status status;

  (void)state;
  write_text(folder.file, "one");
  token = vtx_credential_token_file(folder.file, NULL, &status);
  assert_token(token, "Bearer one");
  write_text(folder.file, "second");
  assert_token(token, "Bearer one"); /* looked a moment ago */
  nap(1050 * CB_MILLISECOND);
  assert_token(token, "Bearer second");

  write_text(folder.file, ""); /* being written, or broken: keep what works */
  nap(1050 * CB_MILLISECOND);
  assert_token(token, "Bearer second");
  unlink(folder.file);
  nap(1050 * CB_MILLISECOND);
  assert_token(token, "Bearer second");
  assert_int_equal(mkfifo(folder.file, 0600), 0); /* must not block */
  nap(1050 * CB_MILLISECOND);
  assert_token(token, "Bearer second");
  vtx_credential_free(token);
  folder_remove(&folder);
}

static void token_file__refused__looked_at_sooner(void **state) {
  struct folder folder = folder_make();
  struct vtx_credential *token;
  struct cb_status status;

  (void)state;
  write_text(folder.file, "one");
  token = vtx_credential_token_file(folder.file, NULL, &status);
  write_text(folder.file, "second");
  nap(150 * CB_MILLISECOND);
  assert_token(token, "Bearer one");
  token->type->refused(token);
  assert_token(token, "Bearer second");
  token->type->refused(token); /* the file has no newer one */
  nap(150 * CB_MILLISECOND);
  assert_token(token, "Bearer second");
  vtx_credential_free(token);
  folder_remove(&folder);
}

static void *write_late(void *arg) {
  int file;

  nap(50 * CB_MILLISECOND);
  file = open(arg, O_WRONLY);
  assert_int_equal(write(file, "fi", 2), 2);
  nap(20 * CB_MILLISECOND);
  assert_int_equal(write(file, "fo\n", 3), 3);
  close(file);
  return NULL;
}

static void token_file__fifo__read_once(void **state) {
  struct folder folder = folder_make();
  struct vtx_credential *token;
  struct cb_status status;
  pthread_t writer;

  (void)state;
  assert_int_equal(mkfifo(folder.file, 0600), 0);
  assert_int_equal(pthread_create(&writer, NULL, write_late, folder.file), 0);
  token = vtx_credential_token_file(folder.file, NULL, &status);
  pthread_join(writer, NULL);
  assert_non_null(token);
  assert_true(vtx_credential_token_file_once(token));
  token->type->refused(token);
  nap(150 * CB_MILLISECOND);
  assert_token(token, "Bearer fifo");
  vtx_credential_free(token);
  folder_remove(&folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(none__get__no_headers),
      cmocka_unit_test(api_key__good__header),
      cmocka_unit_test(api_key__not_for_a_header__refused),
      cmocka_unit_test(token_file__any_spelling__one_token),
      cmocka_unit_test(token_file__quota_project__second_header),
      cmocka_unit_test(token_file__nothing_usable__says_why),
      cmocka_unit_test(token_file__size__at_limit_and_past),
      cmocka_unit_test(token_file__changed__read_again_within_a_second),
      cmocka_unit_test(token_file__refused__looked_at_sooner),
      cmocka_unit_test(token_file__fifo__read_once),
  };
  cmocka_set_test_filter(getenv("CASES"));
  return cmocka_run_group_tests(tests, NULL, NULL);
}
