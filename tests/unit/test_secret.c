/* What secret.c leaves in the heap when all is freed: nothing. */
#include "service/vertex/credentials/secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"

#define MARK "QzXv7kP9"
#define LINE MARK MARK "\\n"

/* Not in the heap, so that what is found there is a copy. */
static char text[VTX_SECRET_BYTES + 1];
static char seen[64 * 1024];

/* Where the heap is; false: this allocator has none of that name. */
static bool find_heap(unsigned long *ret_start, unsigned long *ret_end) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[512];
  bool found = false;
  char *behind;

  assert_non_null(maps);
  while (!found && fgets(line, sizeof line, maps))
    found = strstr(line, "[heap]") != NULL;
  fclose(maps);
  if (!found) return false;
  *ret_start = strtoul(line, &behind, 16);
  assert_int_equal(*behind, '-');
  *ret_end = strtoul(behind + 1, NULL, 16);
  return true;
}

/* Reads by way of a file, as most of the heap belongs to nobody now. */
static bool heap_has_mark(void) {
  int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  unsigned long start = 0;
  unsigned long end = 0;
  bool found = false;

  assert_true(memory >= 0);
  if (!find_heap(&start, &end)) end = start;
  while (!found && start < end) {
    ssize_t size = pread(memory, seen, sizeof seen, (off_t)start);

    if (size <= (ssize_t)strlen(MARK)) break;
    found = memmem(seen, (size_t)size, MARK, strlen(MARK)) != NULL;
    start += (unsigned long)size - strlen(MARK);
  }
  close(memory);
  return found;
}

/* {"private_key": "...", with so many lines, and what is to follow. */
static size_t write_key(unsigned lines, const char *behind) {
  size_t len = (size_t)sprintf(text, "{\"type\":\"a\",\"private_key\":\"");

  for (unsigned i = 0; i < lines; i++)
    len += (size_t)sprintf(text + len, "%s", LINE);
  return len + (size_t)sprintf(text + len, "%s", behind);
}

static void json__key_with_escapes__nothing_left_behind(void **state) {
  (void)state;
  for (unsigned lines = 1; lines < 3000; lines *= 2) {
    size_t size = write_key(lines, "\",\"b\":[\"c\"]}\n");
    struct json_object *object = vtx_secret_json(text, size);

    assert_non_null(object);
    assert_int_equal(strlen(vtx_secret_json_text(object, "private_key")),
                     lines * (strlen(LINE) - 1));
    vtx_secret_json_free(object);
    assert_false(heap_has_mark());
  }
}

static void json__torn__nothing_left_behind(void **state) {
  static const char *const ends[] = {"", "\"", "\",",
                                     "\",\"b\":{\"c\":[\"d\",}", "\"} x"};

  (void)state;
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    assert_null(vtx_secret_json(text, write_key(100, ends[i])));
    assert_false(heap_has_mark());
  }
}

/* Else the others prove nothing. */
static void heap__copy_freed__found(void **state) {
  unsigned long start;
  unsigned long end;
  char *volatile copy;

  (void)state;
  if (!find_heap(&start, &end)) skip();
  copy = malloc(2000);
  assert_non_null(copy);
  memset(copy, 0, 2000);
  memcpy(copy + 1000, MARK, strlen(MARK));
  assert_true(heap_has_mark());
  memset(copy, 0, 2000);
  free(copy);
}

static void json__size__at_limit_and_past(void **state) {
  struct json_object *object;

  (void)state;
  memset(text, 'x', sizeof text);
  memcpy(text, "{\"a\":\"", 6);
  memcpy(text + VTX_SECRET_BYTES - 2, "\"}", 2);
  object = vtx_secret_json(text, VTX_SECRET_BYTES);
  assert_non_null(object);
  vtx_secret_json_free(object);
  text[VTX_SECRET_BYTES] = ' ';
  assert_null(vtx_secret_json(text, VTX_SECRET_BYTES + 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(heap__copy_freed__found),
      cmocka_unit_test(json__key_with_escapes__nothing_left_behind),
      cmocka_unit_test(json__torn__nothing_left_behind),
      cmocka_unit_test(json__size__at_limit_and_past),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
