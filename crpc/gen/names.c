#include "crpc/gen/names.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* How one component of a dotted name is spelt. */
enum spelling { CAMEL, UPPER, LOWER };

/* Not ctype.h: what C names are made of does not hang on the locale. */
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static char to_upper(char c) { return is_lower(c) ? (char)(c - 32) : c; }
static char to_lower(char c) { return is_upper(c) ? (char)(c + 32) : c; }

static void *or_die(void *memory) {
  if (memory) return memory;
  fputs("protoc-gen-crpc: out of memory\n", stderr);
  exit(1);
}

char *gen_text(struct cb_arena *arena, const char *format, ...) {
  va_list args;
  char *text;

  va_start(args, format);
  text = cb_arena_vprintf(arena, format, args);
  va_end(args);
  return or_die(text);
}

/* "max_http_body" -> "MaxHttpBody" */
static char *spell_camel(const char *word, size_t size, char *out) {
  bool next_upper = true;

  for (size_t i = 0; i < size; i++) {
    if (word[i] == '_') {
      next_upper = true;
    } else {
      *out++ = next_upper ? to_upper(word[i]) : word[i];
      next_upper = false;
    }
  }
  return out;
}

/* "MaxHTTPBody" -> "MAX_HTTPBODY": one underscore before each run of
 * capitals. */
static char *spell_cased(const char *word, size_t size, bool upper, char *out) {
  bool was_upper = true;

  for (size_t i = 0; i < size; i++) {
    if (is_upper(word[i]) && !was_upper) *out++ = '_';
    was_upper = is_upper(word[i]);
    *out++ = upper ? to_upper(word[i]) : to_lower(word[i]);
  }
  return out;
}

/* Components spelt one by one and joined by two underscores. */
static char *spell(struct cb_arena *arena, const char *full_name,
                   enum spelling spelling) {
  char *text = or_die(cb_arena_alloc(arena, 2 * strlen(full_name) + 1));
  char *out = text;

  while (*full_name) {
    size_t size = strcspn(full_name, ".");

    if (size > 0 && out != text) {
      *out++ = '_';
      *out++ = '_';
    }
    out = spelling == CAMEL
              ? spell_camel(full_name, size, out)
              : spell_cased(full_name, size, spelling == UPPER, out);
    full_name += size;
    if (*full_name == '.') full_name++;
  }
  *out = 0;
  return text;
}

char *gen_long_type(struct cb_arena *arena, const char *full_name) {
  return spell(arena, full_name, CAMEL);
}

char *gen_long_upper(struct cb_arena *arena, const char *full_name) {
  return spell(arena, full_name, UPPER);
}

char *gen_long_lower(struct cb_arena *arena, const char *full_name) {
  return spell(arena, full_name, LOWER);
}

char *gen_upper(struct cb_arena *arena, const char *word) {
  return spell(arena, word, UPPER);
}

/* v1, v1alpha, v1p1beta2: "v", a digit, then small letters and digits. */
static bool is_version(const char *word) {
  if (word[0] != 'v' || !is_digit(word[1])) return false;
  for (word++; *word; word++)
    if (!is_digit(*word) && !is_lower(*word)) return false;
  return true;
}

char *gen_short_prefix(struct cb_arena *arena, const char *package,
                       bool keep_version) {
  char *prefix = gen_text(arena, "%s", package);
  char *last = strrchr(prefix, '.');

  if (last && !keep_version && is_version(last + 1)) *last = 0;
  for (char *at = prefix; *at; at++)
    if (*at == '.') *at = '_';
  return *prefix ? gen_text(arena, "%s_", prefix) : prefix;
}

char *gen_stem(struct cb_arena *arena, const char *file_name) {
  size_t size = strlen(file_name);

  if (size > 6 && strcmp(file_name + size - 6, ".proto") == 0) size -= 6;
  return gen_text(arena, "%.*s", (int)size, file_name);
}

char *gen_guard(struct cb_arena *arena, const char *file_name) {
  static const char hex[] = "0123456789abcdef";
  char *text = or_die(cb_arena_alloc(arena, 3 * strlen(file_name) + 1));
  char *out = text;

  for (; *file_name; file_name++) {
    char c = *file_name;

    if (is_upper(c) || is_lower(c) || is_digit(c)) {
      *out++ = c;
      continue;
    }
    *out++ = '_';
    *out++ = hex[(unsigned char)c >> 4];
    *out++ = hex[(unsigned char)c & 15];
  }
  *out = 0;
  return text;
}
