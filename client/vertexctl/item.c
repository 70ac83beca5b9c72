#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "client/vertexctl/pack.h"
#include "client/vertexctl/source_internal.h"
#include "client/vertexd_client.h"
#include "google/protobuf/struct.crpc.h"

void ctl_item_free(struct ctl_item *item) { free(item); }

static struct ctl_item *bad(struct ctl_problem *problem, const char *what) {
  CTL_PROBLEM(problem, "%s", what);
  return NULL;
}

/* An item with room for its id and size bytes of message behind it. */
static struct ctl_item *new_item(uint64_t line, const char *id, size_t size,
                                 struct ctl_problem *problem) {
  char number[24];
  size_t id_size;
  struct ctl_item *item;
  char *behind;

  snprintf(number, sizeof number, "%" PRIu64, line);
  if (!id) id = number;
  id_size = strlen(id);
  if (id_size == 0) return bad(problem, "id is empty");
  if (id_size > CTL_MAX_ID) return bad(problem, "id is over 512 bytes");
  item = malloc(sizeof *item + id_size + 1 + size);
  if (!item) return bad(problem, "out of memory");
  *item = (struct ctl_item){.line = line, .size = size};
  cb_list_init(&item->link);
  behind = (char *)(item + 1);
  memcpy(behind, id, id_size + 1);
  item->id = behind;
  item->packed = (const uint8_t *)behind + id_size + 1;
  return item;
}

static struct ctl_item *pack_item(uint64_t line, const char *id,
                                  const ProtobufCMessage *message,
                                  struct ctl_problem *problem) {
  struct ctl_item *item =
      new_item(line, id, protobuf_c_message_get_packed_size(message), problem);

  if (item)
    protobuf_c_message_pack(message, (uint8_t *)(uintptr_t)item->packed);
  return item;
}

struct ctl_item *ctl_item_from_text(const struct ctl_plan *plan, uint64_t line,
                                    const char *text, const char *id,
                                    struct ctl_problem *problem) {
  vertexd_GenerateRequest request = vertexd_GenerateRequest_INIT;
  google_protobuf_Value value = google_protobuf_Value_INIT;
  char *borrowed = (char *)(uintptr_t)text;

  if (!cb_utf8_valid(text, strlen(text)) ||
      (id && !cb_utf8_valid(id, strlen(id))))
    return bad(problem, "not UTF-8");
  if (!plan->as_values) {
    request.prompt = borrowed;
    return pack_item(line, id, &request.base, problem);
  }
  value.kind_case = google_protobuf_Value_KIND_STRING_VALUE;
  value.string_value = borrowed;
  return pack_item(line, id, &value.base, problem);
}

/* The message of that type which json stands for. */
static struct ctl_item *pack_json(uint64_t line, const char *id,
                                  const ProtobufCMessageDescriptor *type,
                                  json_object *json,
                                  struct ctl_problem *problem) {
  struct ctl_item *item = NULL;
  struct cb_buf buf;

  cb_buf_init(&buf, 4 * CTL_MAX_ITEM, NULL);
  if (ctl_pack(&buf, type, json, problem))
    item = new_item(line, id, buf.len, problem);
  if (item && buf.len > 0)
    memcpy((uint8_t *)(uintptr_t)item->packed, buf.data, buf.len);
  cb_buf_release(&buf);
  return item;
}

/* A copy of the member id as text, or NULL: there is none, or it is wrong and
 * problem says so. */
static char *take_id(json_object *json, struct ctl_problem *problem) {
  json_object *id;
  const char *text;

  if (!json_object_is_type(json, json_type_object) ||
      !json_object_object_get_ex(json, "id", &id) || !id)
    return NULL;
  text = json_object_get_string(id);
  if (!json_object_is_type(id, json_type_string) &&
      !json_object_is_type(id, json_type_int)) {
    CTL_PROBLEM(problem, "id must be a string or a whole number");
    return NULL;
  }
  if (strlen(text) != (size_t)json_object_get_string_len(id) &&
      json_object_is_type(id, json_type_string)) {
    CTL_PROBLEM(problem, "id must be without U+0000");
    return NULL;
  }
  return strdup(text);
}

/* What a server would refuse in every item, said with the line. */
static bool check_request(json_object *json, struct ctl_problem *problem) {
  bool prompt;
  bool contents;

  if (!json_object_is_type(json, json_type_object)) {
    CTL_PROBLEM(problem, "must be an object such as {\"prompt\": \"...\"}");
    return false;
  }
  prompt = json_object_object_get_ex(json, "prompt", NULL);
  contents = json_object_object_get_ex(json, "contents", NULL);
  if (prompt != contents) return true;
  CTL_PROBLEM(problem, prompt ? "prompt and contents exclude each other"
                              : "prompt or contents is missing");
  return false;
}

static struct ctl_item *from_object(const struct ctl_plan *plan, uint64_t line,
                                    json_object *json,
                                    struct ctl_problem *problem) {
  const ProtobufCMessageDescriptor *type =
      plan->as_values ? &google_protobuf_Value_descriptor
                      : &vertexd_GenerateRequest_descriptor;
  struct ctl_item *item = NULL;
  char *id;

  problem->text[0] = '\0';
  id = take_id(json, problem);
  if (*problem->text) return NULL;
  if (!plan->as_values && !check_request(json, problem)) {
    free(id);
    return NULL;
  }
  /* The id is the line's, and need not travel. */
  if (!plan->as_values) json_object_object_del(json, "id");
  item = pack_json(line, id, type, json, problem);
  free(id);
  return item;
}

struct ctl_item *ctl_item_from_json(const struct ctl_plan *plan, uint64_t line,
                                    const char *text, size_t size,
                                    struct ctl_problem *problem) {
  bool is_null;
  json_object *json = ctl_parse(text, size, CTL_MAX_DEPTH, &is_null, problem);
  struct ctl_item *item;

  if (!json && !is_null) return NULL;
  item = from_object(plan, line, json, problem);
  json_object_put(json);
  return item;
}

struct ctl_item *ctl_item_from_row(const struct ctl_csv *row,
                                   char *const *columns, const char *id,
                                   struct ctl_problem *problem) {
  json_object *json = json_object_new_object();
  struct ctl_item *item = NULL;
  bool good = json != NULL;

  for (size_t i = 0; good && i < row->count; i++) {
    const char *text = ctl_csv_field(row, i);

    good = cb_utf8_valid(text, strlen(text)) &&
           json_object_object_add(json, columns[i],
                                  json_object_new_string(text)) == 0;
  }
  if (good)
    item = pack_json(row->line, id, &google_protobuf_Value_descriptor, json,
                     problem);
  else
    bad(problem, "not UTF-8");
  json_object_put(json);
  return item;
}
