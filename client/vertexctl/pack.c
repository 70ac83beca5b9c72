#include "client/vertexctl/pack.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/utf8.h"
#include "client/vertexctl/pack_scalar.h"

/* Where in the JSON the packer stands, for problems. */
struct place {
  const struct place *above;
  const char *name; /* NULL: an element of an array */
  size_t index;
};

struct packer {
  struct ctl_problem *problem;
  size_t max;
};

static bool put_message(struct packer *packer, struct cb_buf *out,
                        const ProtobufCMessageDescriptor *type,
                        json_object *json, const struct place *place);

static size_t print_place(const struct place *place, char *out, size_t room) {
  size_t used = place->above ? print_place(place->above, out, room) : 0;
  int more;

  if (used >= room) return used;
  if (place->name)
    more =
        snprintf(out + used, room - used, "%s%s", used ? "." : "", place->name);
  else
    more = snprintf(out + used, room - used, "[%zu]", place->index);
  return used + (more > 0 ? (size_t)more : 0);
}

static bool bad(struct packer *packer, const struct place *place,
                const char *what) {
  char where[200] = "";

  if (place) print_place(place, where, sizeof where);
  CTL_PROBLEM(packer->problem, "%s%s%s", where, *where ? ": " : "", what);
  return false;
}

/* A tag and what put() makes of the message, with its length. */
static bool put_nested(struct packer *packer, struct cb_buf *out,
                       const ProtobufCFieldDescriptor *field, json_object *json,
                       const struct place *place) {
  struct cb_buf inner;
  bool good;

  cb_buf_init(&inner, packer->max, NULL);
  good = put_message(packer, &inner, field->descriptor, json, place);
  if (good && inner.failed) good = bad(packer, place, "too large");
  if (good) ctl_put_bytes(out, field->id, inner.data, inner.len);
  cb_buf_release(&inner);
  return good;
}

static bool put_one(struct packer *packer, struct cb_buf *out,
                    const ProtobufCFieldDescriptor *field, json_object *json,
                    const struct place *place) {
  const char *wrong;

  if (field->type == PROTOBUF_C_TYPE_MESSAGE)
    return put_nested(packer, out, field, json, place);
  wrong = ctl_put_scalar(out, field, json);
  return wrong ? bad(packer, place, wrong) : true;
}

/* protobuf-c does not say that a field is a map, but the entry's name does. */
static bool is_map(const ProtobufCFieldDescriptor *field) {
  const ProtobufCMessageDescriptor *entry = field->descriptor;
  size_t size;

  if (field->label != PROTOBUF_C_LABEL_REPEATED ||
      field->type != PROTOBUF_C_TYPE_MESSAGE)
    return false;
  size = strlen(entry->name);
  return entry->n_fields == 2 && size > 5 &&
         strcmp(entry->name + size - 5, "Entry") == 0 &&
         strcmp(entry->fields[0].name, "key") == 0;
}

/* A map is a list of messages of key and value; keys are strings. */
static bool put_map(struct packer *packer, struct cb_buf *out,
                    const ProtobufCFieldDescriptor *field, json_object *json,
                    const struct place *place) {
  const ProtobufCFieldDescriptor *inner =
      ((const ProtobufCMessageDescriptor *)field->descriptor)->fields;

  if (!json_object_is_type(json, json_type_object))
    return bad(packer, place, "must be an object");
  json_object_object_foreach(json, key, value) {
    const struct place here = {.above = place, .name = key};
    struct cb_buf entry;
    bool good;

    cb_buf_init(&entry, packer->max, NULL);
    ctl_put_bytes(&entry, inner[0].id, key, strlen(key));
    good = put_one(packer, &entry, &inner[1], value, &here);
    if (good && entry.failed) good = bad(packer, &here, "too large");
    if (good) ctl_put_bytes(out, field->id, entry.data, entry.len);
    cb_buf_release(&entry);
    if (!good) return false;
  }
  return true;
}

static bool put_field(struct packer *packer, struct cb_buf *out,
                      const ProtobufCFieldDescriptor *field, json_object *json,
                      const struct place *place) {
  if (is_map(field)) return put_map(packer, out, field, json, place);
  if (field->label != PROTOBUF_C_LABEL_REPEATED)
    return put_one(packer, out, field, json, place);
  if (!json_object_is_type(json, json_type_array))
    return bad(packer, place, "must be an array");
  for (size_t i = 0; i < json_object_array_length(json); i++) {
    const struct place here = {.above = place, .index = i};

    if (!put_one(packer, out, field, json_object_array_get_idx(json, i), &here))
      return false;
  }
  return true;
}

/* The field of that name, or of which that is the lowerCamelCase. */
static const ProtobufCFieldDescriptor *find_field(
    const ProtobufCMessageDescriptor *type, const char *name) {
  const ProtobufCFieldDescriptor *field =
      protobuf_c_message_descriptor_get_field_by_name(type, name);
  char snake[100];
  size_t size = 0;

  if (field) return field;
  for (; *name && size + 2 < sizeof snake; name++) {
    if (*name >= 'A' && *name <= 'Z') {
      snake[size++] = '_';
      snake[size++] = (char)(*name - 'A' + 'a');
    } else {
      snake[size++] = *name;
    }
  }
  snake[size] = '\0';
  return protobuf_c_message_descriptor_get_field_by_name(type, snake);
}

static bool put_members(struct packer *packer, struct cb_buf *out,
                        const ProtobufCMessageDescriptor *type,
                        json_object *json, const struct place *place) {
  json_object_object_foreach(json, name, value) {
    const ProtobufCFieldDescriptor *field = find_field(type, name);
    const struct place here = {.above = place, .name = name};

    if (!field) return bad(packer, &here, "there is no such field");
    if (!value) continue; /* null: not set */
    if (!put_field(packer, out, field, value, &here)) return false;
  }
  return true;
}

/* google.protobuf.Struct {map fields = 1}, ListValue {repeated values = 1}:
 * their one field holds the JSON itself. */
static bool put_wrapped(struct packer *packer, struct cb_buf *out,
                        const ProtobufCMessageDescriptor *type,
                        json_object *json, const struct place *place) {
  return put_field(packer, out, &type->fields[0], json, place);
}

/* google.protobuf.Value: null 1, number 2, string 3, bool 4, struct 5,
 * list 6. */
static bool put_value(struct packer *packer, struct cb_buf *out,
                      const ProtobufCMessageDescriptor *type, json_object *json,
                      const struct place *place) {
  static const unsigned ids[] = {
      [json_type_null] = 1,   [json_type_boolean] = 4, [json_type_double] = 2,
      [json_type_int] = 2,    [json_type_object] = 5,  [json_type_array] = 6,
      [json_type_string] = 3,
  };

  if (!json) {
    ctl_put_number(out, 1, 0);
    return true;
  }
  return put_one(packer, out,
                 protobuf_c_message_descriptor_get_field(
                     type, ids[json_object_get_type(json)]),
                 json, place);
}

/* Seconds of "1.5s"; false if it is no such thing. */
static bool read_duration(json_object *json, double *ret_seconds) {
  const char *text = json_object_get_string(json);
  char *end;

  if (!json_object_is_type(json, json_type_string)) return false;
  *ret_seconds = strtod(text, &end);
  return end != text && strcmp(end, "s") == 0 &&
         fabs(*ret_seconds) <= 315576000000.0; /* 10,000 years */
}

static bool put_duration(struct packer *packer, struct cb_buf *out,
                         json_object *json, const struct place *place) {
  double seconds;
  double whole;

  if (!read_duration(json, &seconds))
    return bad(packer, place, "must be a duration such as \"1.5s\"");
  whole = trunc(seconds);
  ctl_put_number(out, 1, (uint64_t)(int64_t)whole);
  ctl_put_number(out, 2, (uint64_t)(int64_t)((seconds - whole) * 1e9));
  return true;
}

static bool put_message(struct packer *packer, struct cb_buf *out,
                        const ProtobufCMessageDescriptor *type,
                        json_object *json, const struct place *place) {
  if (strcmp(type->name, "google.protobuf.Value") == 0)
    return put_value(packer, out, type, json, place);
  if (strcmp(type->name, "google.protobuf.Struct") == 0 ||
      strcmp(type->name, "google.protobuf.ListValue") == 0)
    return put_wrapped(packer, out, type, json, place);
  if (strcmp(type->name, "google.protobuf.Duration") == 0)
    return put_duration(packer, out, json, place);
  if (!json_object_is_type(json, json_type_object))
    return bad(packer, place, "must be an object");
  return put_members(packer, out, type, json, place);
}

bool ctl_pack(struct cb_buf *out, const ProtobufCMessageDescriptor *type,
              json_object *json, struct ctl_problem *problem) {
  struct packer packer = {.problem = problem, .max = out->max};

  return put_message(&packer, out, type, json, NULL) &&
         (!out->failed || bad(&packer, NULL, "too large"));
}

/* json-c would change these silently. */
static void on_odd(void *ctx, enum cb_json_oddity oddity, size_t offset,
                   size_t size) {
  const char **wrong = ctx;

  (void)offset;
  (void)size;
  *wrong = oddity == CB_JSON_NUL_IN_KEY ? "U+0000 in a name"
                                        : "a whole number over 64 bits, or -0";
}

/* What is wrong with the text by the letter of JSON; NULL if nothing. */
static const char *judge(const char *text, size_t size, int depth) {
  const char *odd = NULL;
  const struct cb_json_watch watch = {.odd = on_odd, .ctx = &odd};
  struct cb_json_scan scan;

  if (size >= INT32_MAX) return "too large";
  if (!cb_utf8_valid(text, size)) return "not UTF-8";
  if (!cb_json_scan(text, size, depth, &watch, &scan)) return scan.error;
  return odd;
}

json_object *ctl_parse(const char *text, size_t size, int depth, bool *ret_null,
                       struct ctl_problem *problem) {
  const char *wrong = judge(text, size, depth);
  json_tokener *tokener = wrong ? NULL : json_tokener_new_ex(depth + 1);
  json_object *json = NULL;

  *ret_null = false;
  if (tokener) {
    /* With its NUL, so that a number at the end is seen to end. */
    json = json_tokener_parse_ex(tokener, text, (int)size + 1);
    if (json_tokener_get_error(tokener) != json_tokener_success)
      wrong = json_tokener_error_desc(json_tokener_get_error(tokener));
    json_tokener_free(tokener);
  } else if (!wrong) {
    wrong = "out of memory";
  }
  if (wrong) {
    CTL_PROBLEM(problem, "not JSON that can be taken: %s", wrong);
    json_object_put(json);
    return NULL;
  }
  *ret_null = json == NULL;
  return json;
}
