#include "crpc/wire.h"

#include <assert.h>
#include <limits.h>
#include <stdalign.h>
#include <string.h>

#include "base/utf8.h"
#include "crpc/wire_scan.h"

#define DEFAULT_ELEMENTS ((size_t)10 * 1000 * 1000)
#define MAX_FIELD_NUMBER ((UINT32_C(1) << 29) - 1)

/* What protobuf-c does while it unpacks one message: the first fields are noted
 * on the stack, then in pieces of scratch memory that double. */
#define FIRST_SLAB ((size_t)16)
#define SLAB_ENTRY ((size_t)32)
/* It keeps a bit for each field, on the stack up to this many bytes. */
#define FIELD_BITS_ON_STACK ((size_t)16)

/* protobuf-c has no names for these two. */
enum { WIRE_START_GROUP = 3, WIRE_END_GROUP = 4 };

static size_t aligned(size_t size) {
  return (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

bool crpc_wire_varint(const uint8_t **at, const uint8_t *end, int max_bytes,
                      uint64_t *ret_value) {
  const uint8_t *p = *at;
  uint64_t value = 0;

  for (int i = 0; i < max_bytes && p < end; i++) {
    uint8_t byte = *p++;

    value |= (uint64_t)(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      *at = p;
      *ret_value = value;
      return true;
    }
  }
  return false;
}

const char *crpc_wire_tag(const uint8_t **at, const uint8_t *end,
                          uint32_t *ret_number, int *ret_type) {
  uint64_t tag;

  if (!crpc_wire_varint(at, end, 5, &tag)) return "a field's tag is cut off";
  *ret_type = (int)(tag & 7);
  if (tag >> 3 == 0) return "field number 0";
  if (tag >> 3 > MAX_FIELD_NUMBER) return "a field number is too large";
  *ret_number = (uint32_t)(tag >> 3);
  return NULL;
}

/* The field of that number, NULL if the type has none. Encoders write fields in
 * order, so the one before, or the next, is usually right. */
static const ProtobufCFieldDescriptor *find_field(
    const ProtobufCMessageDescriptor *type,
    const ProtobufCFieldDescriptor *last, uint32_t number) {
  unsigned low = 0;
  unsigned high = type->n_field_ranges;
  unsigned index;

  if (last && last->id == number) return last;
  if (last && last + 1 < type->fields + type->n_fields && last[1].id == number)
    return last + 1;
  while (low < high) {
    unsigned middle = low + (high - low) / 2;

    if ((int)number < type->field_ranges[middle].start_value)
      high = middle;
    else
      low = middle + 1;
  }
  if (low == 0) return NULL;
  index = number - (uint32_t)type->field_ranges[low - 1].start_value +
          type->field_ranges[low - 1].orig_index;
  return index < type->field_ranges[low].orig_index ? type->fields + index
                                                    : NULL;
}

/* Size of one element of a repeated field's array. */
static size_t element_size(ProtobufCType type) {
  switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
      return 8;
    case PROTOBUF_C_TYPE_BOOL:
      return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
      return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
      return sizeof(ProtobufCBinaryData);
    default:
      return 4;
  }
}

static int wire_type_of(ProtobufCType type) {
  switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
      return PROTOBUF_C_WIRE_TYPE_32BIT;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
      return PROTOBUF_C_WIRE_TYPE_64BIT;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
      return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    default:
      return PROTOBUF_C_WIRE_TYPE_VARINT;
  }
}

/* Marks the field as seen; true if it was before. */
static bool see(struct crpc_wire_frame *frame,
                const ProtobufCFieldDescriptor *field) {
  size_t index = (size_t)(field - frame->descriptor->fields);
  uint64_t bit = UINT64_C(1) << (index % 64);
  bool before = (frame->seen[index / 64] & bit) != 0;

  frame->seen[index / 64] |= bit;
  return before;
}

/* Opens a frame for the message of that type in start..end. */
static void push(struct crpc_wire_scan *scan,
                 const ProtobufCMessageDescriptor *type, const uint8_t *start,
                 const uint8_t *end) {
  struct crpc_wire_frame *frame = &scan->frames[scan->depth++];
  size_t bits = (type->n_fields + 7) / 8;

  assert(type->n_fields <= CRPC_MAX_FIELDS);
  frame->descriptor = type;
  frame->start = start;
  frame->end = end;
  frame->field = NULL;
  frame->members = 0;
  frame->member_room = FIRST_SLAB;
  frame->slab = FIRST_SLAB;
  frame->has_unknown = false;
  memset(frame->seen, 0, (type->n_fields + 63) / 64 * sizeof(uint64_t));
  scan->at = start;
  scan->unpacked += aligned(type->sizeof_message);
  if (bits > FIELD_BITS_ON_STACK) scan->unpacked += aligned(bits);
}

/* True if text is good UTF-8 without NUL; *ret_why says what is wrong. Plain
 * ASCII, the usual case, is read once, eight bytes at a time: a byte of zero
 * borrows from its high bit when one is taken from it. */
static bool check_text(const uint8_t *data, size_t size, const char **ret_why) {
  size_t done = 0;
  uint64_t word;

  while (size - done >= sizeof word) {
    memcpy(&word, data + done, sizeof word);
    if ((word | (word - UINT64_C(0x0101010101010101))) &
        UINT64_C(0x8080808080808080))
      break;
    done += sizeof word;
  }
  if (done == size) return true;
  *ret_why = "the text has a NUL (U+0000) in it";
  if (memchr(data + done, 0, size - done)) return false;
  *ret_why = "the text is not valid UTF-8";
  return cb_utf8_valid((const char *)data + done, size - done);
}

/* Elements of a packed varint field; false if one is malformed. */
static bool count_varints(const uint8_t *data, size_t size, size_t *ret_count) {
  size_t run = 0;

  *ret_count = 0;
  for (size_t i = 0; i < size; i++) {
    if (++run > 10) return false;
    if (data[i] & 0x80) continue;
    run = 0;
    (*ret_count)++;
  }
  return run == 0;
}

/* A packed array. Its memory counts as protobuf-c takes it: of booleans, one
 * for each byte. */
static const char *scan_packed(struct crpc_wire_scan *scan,
                               const ProtobufCFieldDescriptor *field,
                               size_t size) {
  size_t width = element_size(field->type);
  size_t count;

  if (wire_type_of(field->type) != PROTOBUF_C_WIRE_TYPE_VARINT) {
    if (size % width != 0) return "the length of a packed array is wrong";
    count = size / width;
  } else if (!count_varints(scan->at, size, &count)) {
    return "a number in a packed array is malformed";
  }
  if (field->type == PROTOBUF_C_TYPE_BOOL) count = size;
  scan->elements += count;
  scan->unpacked += count * width;
  scan->at += size;
  return NULL;
}

/* The size bytes of a known field of wire type 2. */
static const char *scan_length(struct crpc_wire_scan *scan,
                               const ProtobufCFieldDescriptor *field,
                               size_t size) {
  const char *why = NULL;

  switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
      if (!check_text(scan->at, size, &why)) return why;
      scan->unpacked += aligned(size + 1);
      break;
    case PROTOBUF_C_TYPE_BYTES:
      if (size > 0) scan->unpacked += aligned(size);
      break;
    case PROTOBUF_C_TYPE_MESSAGE:
      if (scan->depth == scan->max_depth) return "messages are nested too deep";
      push(scan, field->descriptor, scan->at, scan->at + size);
      return NULL;
    default:
      return scan_packed(scan, field, size);
  }
  scan->at += size;
  return NULL;
}

/* Reads the value of wire type 0, 1 or 5, or the length of type 2. */
static const char *scan_value(struct crpc_wire_scan *scan, const uint8_t *end,
                              int type, size_t *ret_length) {
  size_t left = (size_t)(end - scan->at);
  uint64_t value;

  *ret_length = 0;
  switch (type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
      if (!crpc_wire_varint(&scan->at, end, 10, &value))
        return "a number is cut off or too long";
      return NULL;
    case PROTOBUF_C_WIRE_TYPE_64BIT:
    case PROTOBUF_C_WIRE_TYPE_32BIT:
      if (left < (type == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : 4))
        return "a number is cut off";
      scan->at += type == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : 4;
      return NULL;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
      if (!crpc_wire_varint(&scan->at, end, 5, &value))
        return "a length is cut off or too long";
      if (value > INT_MAX || value > (size_t)(end - scan->at))
        return "a length goes past the end of the message";
      *ret_length = (size_t)value;
      return NULL;
    case WIRE_START_GROUP:
    case WIRE_END_GROUP:
      return "groups are not supported";
    default:
      return "there is no such wire type";
  }
}

/* Memory for a field that the type does not know: protobuf-c keeps its bytes
 * (with the length before them) and a note for each. */
static void count_unknown(struct crpc_wire_scan *scan,
                          struct crpc_wire_frame *frame, const uint8_t *value) {
  if (!frame->has_unknown) scan->unpacked += alignof(max_align_t);
  frame->has_unknown = true;
  scan->unpacked += sizeof(ProtobufCMessageUnknownField) +
                    aligned((size_t)(scan->at - value));
}

/* Memory that protobuf-c takes for having met a field at all. */
static void count_member(struct crpc_wire_scan *scan,
                         struct crpc_wire_frame *frame) {
  scan->elements++;
  if (++frame->members <= frame->member_room) return;
  frame->slab *= 2;
  frame->member_room += frame->slab;
  scan->unpacked += frame->slab * SLAB_ENTRY;
}

/* A field of a known type: is it what the type says? */
static const char *scan_known(struct crpc_wire_scan *scan,
                              struct crpc_wire_frame *frame, int type,
                              size_t length) {
  const ProtobufCFieldDescriptor *field = frame->field;
  bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
  bool length_type = type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
  int own_type = wire_type_of(field->type);
  bool packed = repeated && length_type &&
                own_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
  bool before = see(frame, field);

  if (type != own_type && !packed) return "the wire type is not the field's";
  if (repeated) {
    if (!before) scan->unpacked += alignof(max_align_t);
    if (!packed) scan->unpacked += element_size(field->type);
  } else if (before && field->type == PROTOBUF_C_TYPE_MESSAGE) {
    /* protobuf-c merges the two wrongly, and in quadratic time. */
    return "a message that may stand once stands twice";
  }
  return length_type ? scan_length(scan, field, length) : NULL;
}

/* Reads one field of the innermost frame, or opens a frame for it. NULL, or
 * what is wrong. */
static const char *scan_field(struct crpc_wire_scan *scan) {
  struct crpc_wire_frame *frame = &scan->frames[scan->depth - 1];
  const ProtobufCFieldDescriptor *last = frame->field;
  const uint8_t *value;
  const char *why;
  uint32_t number;
  size_t length;
  int type;

  frame->field_at = scan->at;
  frame->field = NULL;
  why = crpc_wire_tag(&scan->at, frame->end, &number, &type);
  if (why) return why;
  frame->field = find_field(frame->descriptor, last, number);
  count_member(scan, frame);
  value = scan->at;
  why = scan_value(scan, frame->end, type, &length);
  if (why) return why;
  if (frame->field) return scan_known(scan, frame, type, length);
  scan->at += length;
  count_unknown(scan, frame, value);
  return NULL;
}

/* Closes frames that are read to their end. */
static void pop(struct crpc_wire_scan *scan) {
  while (scan->depth > 0 && scan->at == scan->frames[scan->depth - 1].end)
    scan->depth--;
}

static void start(struct crpc_wire_scan *scan,
                  const struct crpc_wire_limits *limits) {
  static const struct crpc_wire_limits none = {0};

  if (!limits) limits = &none;
  scan->elements = 0;
  scan->unpacked = 0;
  scan->depth = 0;
  scan->max_depth = limits->max_depth > 0 && limits->max_depth < CRPC_MAX_DEPTH
                        ? limits->max_depth
                        : CRPC_MAX_DEPTH;
  scan->max_elements =
      limits->max_elements > 0 ? limits->max_elements : DEFAULT_ELEMENTS;
  scan->max_unpacked =
      limits->max_unpacked > 0 ? limits->max_unpacked : SIZE_MAX;
}

struct cb_status crpc_wire_scan(const ProtobufCMessageDescriptor *descriptor,
                                struct crpc_bytes bytes,
                                const struct crpc_wire_limits *limits,
                                struct cb_arena *arena,
                                struct crpc_wire_report *ret_report) {
  struct crpc_wire_scan scan;

  if (bytes.size == 0) bytes.data = (const uint8_t *)""; /* may be NULL */
  start(&scan, limits);
  push(&scan, descriptor, bytes.data, bytes.data + bytes.size);
  pop(&scan);
  while (scan.depth > 0) {
    const char *why = scan_field(&scan);

    if (why) return crpc_wire_malformed(&scan, why, arena);
    if (scan.elements > scan.max_elements || scan.unpacked > scan.max_unpacked)
      return crpc_wire_too_large(&scan, arena);
    pop(&scan);
  }
  if (scan.unpacked > scan.max_unpacked)
    return crpc_wire_too_large(&scan, arena);
  if (ret_report)
    *ret_report = (struct crpc_wire_report){scan.elements, scan.unpacked};
  return cb_status_ok();
}
