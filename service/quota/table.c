#include "service/quota/table.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"

#define FIELD "model-quota"

/* Digits, up to max. */
static bool read_count(const char *text, size_t size, uint64_t max,
                       double *ret_value) {
  uint64_t value = 0;

  if (size == 0) return false;
  for (size_t i = 0; i < size; i++) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = 10 * value + (uint64_t)(text[i] - '0');
    if (value > max) return false;
  }
  *ret_value = (double)value;
  return true;
}

static bool read_limits(const char *text, struct vtx_quota_entry *entry) {
  size_t size = strcspn(text, ":");

  entry->tokens = -1;
  if (!read_count(text, size, VTX_QUOTA_REQUESTS_MAX, &entry->requests)) {
    return false;
  }
  text += size;
  return !*text || read_count(text + 1, strlen(text + 1), VTX_QUOTA_TOKENS_MAX,
                              &entry->tokens);
}

static bool is_name(const char *text, size_t size) {
  static const char good[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
      "WXYZ0123456789._@/-";

  return size > 0 && strspn(text, good) >= size && text[0] != '/' &&
         text[size - 1] != '/';
}

/* Splits what is before the = into model and location. */
static bool read_place(const char *text, size_t size, struct cb_arena *arena,
                       struct vtx_quota_entry *entry) {
  size_t model = strcspn(text, ":");

  if (model > size) model = size;
  if (!is_name(text, model)) return false;
  entry->location = "";
  if (model < size) {
    const char *location = text + model + 1;
    size_t length = size - model - 1;

    if (!is_name(location, length) || memchr(location, '/', length)) {
      return false;
    }
    entry->location = cb_arena_memdup(arena, location, length);
  }
  entry->model = cb_arena_memdup(arena, text, model);
  return true;
}

static bool is_there(const struct vtx_quota_table *table,
                     const struct vtx_quota_entry *entry) {
  for (size_t i = 0; i < table->count; i++) {
    if (strcmp(table->entries[i].model, entry->model) == 0 &&
        strcmp(table->entries[i].location, entry->location) == 0) {
      return true;
    }
  }
  return false;
}

static struct cb_status add(struct vtx_quota_table *table, const char *text,
                            struct cb_arena *arena) {
  struct vtx_quota_entry entry;
  size_t place = strcspn(text, "=");

  if (table->count == VTX_QUOTA_ENTRIES) {
    return cb_status_field(arena, FIELD, "more than %d", VTX_QUOTA_ENTRIES);
  }
  if (!text[place] || !read_place(text, place, arena, &entry) ||
      !read_limits(text + place + 1, &entry)) {
    return cb_status_field(
        arena, FIELD, "\"%s\" is not MODEL[:LOCATION]=REQUESTS[:TOKENS]", text);
  }
  if (!entry.model || !entry.location) {
    return cb_status_make(CB_RESOURCE_EXHAUSTED, "", "out of memory");
  }
  if (is_there(table, &entry)) {
    return cb_status_field(arena, FIELD, "\"%s\" is for what another is for",
                           text);
  }
  table->entries[table->count++] = entry;
  return cb_status_ok();
}

struct cb_status vtx_quota_build(struct vtx_quota_table *table,
                                 const char *const *texts, size_t count,
                                 struct cb_arena *arena) {
  table->count = 0;
  for (size_t i = 0; i < count; i++) {
    struct cb_status status = add(table, texts[i], arena);

    if (status.code != CB_OK) return status;
  }
  return cb_status_ok();
}

static bool fits(const struct vtx_quota_entry *entry, const char *target) {
  size_t whole = strcspn(target, "#"); /* a tier may follow */
  size_t model = strlen(entry->model);
  size_t location = strlen(entry->location);

  if (whole <= model || target[whole - model - 1] != '/' ||
      strncmp(target + whole - model, entry->model, model) != 0) {
    return false;
  }
  return location == 0 || (strncmp(target, entry->location, location) == 0 &&
                           target[location] == '/');
}

struct vtx_gate_options vtx_quota_find(const struct vtx_quota_table *table,
                                       const char *target,
                                       const struct vtx_gate_options *general) {
  struct vtx_gate_options options = *general;
  const struct vtx_quota_entry *best = NULL;

  for (size_t i = 0; table && i < table->count; i++) {
    const struct vtx_quota_entry *entry = &table->entries[i];

    if (!fits(entry, target)) continue;
    if (!best || (*entry->location && !*best->location)) best = entry;
  }
  if (!best) return options;
  options.requests_per_minute = best->requests;
  if (best->tokens >= 0) options.tokens_per_minute = best->tokens;
  return options;
}
