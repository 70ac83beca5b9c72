#include "service/config.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "base/arena.h"
#include "service/config_reader.h"
#include "service/config_value.h"

bool vtx_reader_wrong(struct vtx_reader *reader, const char *format, ...) {
  va_list args;

  if (reader->message) return false;
  va_start(args, format);
  reader->message = cb_arena_vprintf(reader->arena, format, args);
  va_end(args);
  if (!reader->message) reader->message = "out of memory";
  return false;
}

static void *place(struct vtx_reader *reader, const struct vtx_option *option) {
  return (char *)reader->config + option->offset;
}

/* name is how the user gave it: --project, VERTEXD_PROJECT ... */
static bool set_number(struct vtx_reader *reader,
                       const struct vtx_option *option, const char *name,
                       const char *text) {
  uint64_t *value = place(reader, option);
  const char *example = "a number";
  bool good;

  if (option->kind == VTX_OPTION_BYTES) {
    good = vtx_value_bytes(text, value);
    example = "a size such as 4096, 64KiB, 64MiB or 1GiB";
  } else if (option->kind == VTX_OPTION_DURATION) {
    good = vtx_value_duration(text, value);
    example = "a time such as 500ms, 30s, 10m or 1h";
  } else {
    good = vtx_value_count(text, value);
  }
  if (!good)
    return vtx_reader_wrong(reader, "%s: \"%s\" is not %s", name, text,
                            example);
  if (*value < option->min)
    return vtx_reader_wrong(reader, "%s: %s is too small", name, text);
  if (*value > option->max)
    return vtx_reader_wrong(reader, "%s: %s is too large", name, text);
  return true;
}

static bool add_address(struct vtx_reader *reader, const char *name,
                        const char *text, size_t size) {
  struct vtx_config *config = reader->config;
  char *address = cb_arena_memdup(reader->arena, text, size);

  if (!address) return vtx_reader_wrong(reader, "out of memory");
  if (!vtx_value_is_address(address))
    return vtx_reader_wrong(
        reader, "%s: \"%s\" is not HOST:PORT, [V6]:PORT or unix:PATH", name,
        address);
  if (config->listen_count == VTX_LISTEN_MAX)
    return vtx_reader_wrong(reader, "%s: more than %d addresses", name,
                            VTX_LISTEN_MAX);
  config->listen[config->listen_count++] = address;
  return true;
}

static bool add_addresses(struct vtx_reader *reader, const char *name,
                          const char *text, enum vtx_source source) {
  size_t size;

  if (source == VTX_SOURCE_FLAG)
    return add_address(reader, name, text, strlen(text));
  for (; *text; text += size + (text[size] == ',')) {
    size = strcspn(text, ",");
    if (!add_address(reader, name, text, size)) return false;
  }
  return true;
}

static bool add_item(struct vtx_reader *reader, size_t index, const char *name,
                     const char *text, size_t size) {
  const struct vtx_option *option = &reader->options[index];
  struct vtx_config_list *list = place(reader, option);

  if (size == 0) return vtx_reader_wrong(reader, "%s: must not be empty", name);
  if (list->count == option->max)
    return vtx_reader_wrong(reader, "%s: given more than %d times", name,
                            (int)option->max);
  if (!list->items)
    list->items =
        cb_arena_alloc(reader->arena, option->max * sizeof *list->items);
  if (!list->items) return vtx_reader_wrong(reader, "out of memory");
  list->items[list->count] = cb_arena_memdup(reader->arena, text, size);
  if (!list->items[list->count++])
    return vtx_reader_wrong(reader, "out of memory");
  return true;
}

/* An item, or those of a variable; semicolons at its end are as good as none.
 */
static bool add_items(struct vtx_reader *reader, size_t index, const char *name,
                      const char *text) {
  size_t size;

  if (reader->sources[index] == VTX_SOURCE_FLAG)
    return add_item(reader, index, name, text, strlen(text));
  for (; *text; text += size + (text[size] == ';')) {
    size = strcspn(text, ";");
    if (!add_item(reader, index, name, text, size)) return false;
  }
  return true;
}

static bool set_text(struct vtx_reader *reader, const struct vtx_option *option,
                     const char *name, const char *text) {
  const char **value = place(reader, option);

  if (!*text) return vtx_reader_wrong(reader, "%s: must not be empty", name);
  *value = cb_arena_strdup(reader->arena, text);
  return *value ? true : vtx_reader_wrong(reader, "out of memory");
}

static bool set(struct vtx_reader *reader, size_t index, const char *name,
                const char *text, enum vtx_source source) {
  const struct vtx_option *option = &reader->options[index];
  enum vtx_source before = reader->sources[index];

  assert(source >= before);
  reader->sources[index] = source;
  switch (option->kind) {
    case VTX_OPTION_ACTION:
    case VTX_OPTION_SWITCH:
      if (vtx_value_switch(text, place(reader, option))) return true;
      return vtx_reader_wrong(reader, "%s: \"%s\" is neither true nor false",
                              name, text);
    case VTX_OPTION_LISTEN:
      if (source != before) reader->config->listen_count = 0;
      return add_addresses(reader, name, text, source);
    case VTX_OPTION_LIST: /* one source at most, but for the flags */
      return add_items(reader, index, name, text);
    case VTX_OPTION_TEXT:
    case VTX_OPTION_SECRET:
      return set_text(reader, option, name, text);
    case VTX_OPTION_COUNT:
    case VTX_OPTION_BYTES:
    case VTX_OPTION_DURATION:
      return set_number(reader, option, name, text);
  }
  return false;
}

/* The default, then the variables from weak to strong. */
static bool read_surroundings(struct vtx_reader *reader, size_t index) {
  const struct vtx_option *option = &reader->options[index];
  const struct vtx_config_input *input = reader->input;
  char variable[VTX_VARIABLE_ROOM];
  const char *text;

  if (option->fallback &&
      !set(reader, index, option->name, option->fallback, VTX_SOURCE_DEFAULT))
    return false;
  if (option->kind == VTX_OPTION_ACTION) return true;
  vtx_option_variable(option, variable);
  text = input->get_env(input->self, variable);
  if (text && *text)
    return set(reader, index, variable, text, VTX_SOURCE_OUR_VARIABLE);
  for (size_t i = 0; i < VTX_OPTION_VARIABLES && option->variables[i]; i++) {
    text = input->get_env(input->self, option->variables[i]);
    if (text && *text)
      return set(reader, index, option->variables[i], text,
                 VTX_SOURCE_THEIR_VARIABLE);
  }
  return true;
}

/* The table's row for the size bytes at name; count if there is none. */
static size_t find(const struct vtx_reader *reader, const char *name,
                   size_t size) {
  size_t i = 0;

  while (i < reader->count && (strlen(reader->options[i].name) != size ||
                               memcmp(reader->options[i].name, name, size)))
    i++;
  return i;
}

/* Reads the flag at argv[*i] and, where it has one behind it, its value. */
static bool read_flag(struct vtx_reader *reader, int *i) {
  const struct vtx_config_input *input = reader->input;
  const char *word = input->argv[*i];
  const char *value = NULL;
  size_t size;
  size_t index;
  char name[VTX_VARIABLE_ROOM];

  if (strncmp(word, "--", 2) != 0 || !word[2])
    return vtx_reader_wrong(reader, "\"%s\" is not a flag", word);
  size = strcspn(word + 2, "=");
  index = find(reader, word + 2, size);
  if (index == reader->count)
    return vtx_reader_wrong(reader, "unknown flag --%.*s",
                            (int)(size < 200 ? size : 200), word + 2);
  snprintf(name, sizeof name, "--%s", reader->options[index].name);
  if (word[2 + size] == '=')
    value = word + 2 + size + 1;
  else if (!reader->options[index].argument) /* a switch */
    value = "true";
  else if (*i + 1 < input->argc)
    value = input->argv[++*i];
  if (!value) return vtx_reader_wrong(reader, "%s: needs a value", name);
  return set(reader, index, name, value, VTX_SOURCE_FLAG);
}

enum vtx_source vtx_reader_source(const struct vtx_reader *reader,
                                  const char *name) {
  size_t index = find(reader, name, strlen(name));

  assert(index < reader->count);
  return reader->sources[index];
}

/* Flags go first, so that a wrong variable hurts nobody who overrides it. */
static bool read_all(struct vtx_reader *reader) {
  bool good = true;

  for (int i = 1; good && i < reader->input->argc; i++)
    good = read_flag(reader, &i);
  if (!good || reader->config->help || reader->config->version) return good;
  for (size_t i = 0; good && i < reader->count; i++)
    if (reader->sources[i] == VTX_SOURCE_NOBODY)
      good = read_surroundings(reader, i);
  return good && vtx_config_check(reader);
}

bool vtx_config_read(const struct vtx_config_input *input,
                     struct cb_arena *arena, struct vtx_config *ret_config,
                     const char **ret_message) {
  struct vtx_config config = {.listen_count = 0};
  struct vtx_reader reader = {
      .input = input, .arena = arena, .config = &config};

  reader.options = vtx_options_table(&reader.count);
  if (!read_all(&reader)) {
    *ret_message = reader.message;
    return false;
  }
  *ret_config = config;
  return true;
}

bool vtx_config_is_local(const char *address) {
  const char *host;
  size_t size;

  if (strncmp(address, "unix:", 5) == 0) return true;
  host = vtx_value_host(address, &size);
  return vtx_value_is_loopback(host, size);
}
