#include "service/emulator/fault.h"

#include <string.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "service/emulator/google_error.h"
#include "service/emulator/reply.h"

enum { MAX_BODY = 1 << 20, BLOCK = 64 << 10 };
static const int64_t giant_bytes = 128 << 20;
static const int64_t bomb_bytes = 256 << 20;

static const struct {
  enum vtx_emu_fault fault;
  unsigned http_status;
  const char *message;
  const char *reason;
} http_faults[] = {
    {VTX_EMU_HTTP_400, 400, "Request contains an invalid argument.", NULL},
    {VTX_EMU_HTTP_401, 401,
     "Request had invalid authentication credentials. Expected OAuth 2 access "
     "token, login cookie or other valid authentication credential.",
     "ACCESS_TOKEN_EXPIRED"},
    {VTX_EMU_HTTP_403, 403,
     "Permission 'aiplatform.endpoints.predict' denied on resource (or it may "
     "not exist).",
     "IAM_PERMISSION_DENIED"},
    {VTX_EMU_HTTP_404, 404,
     "Publisher Model was not found or your project does not have access to "
     "it.",
     NULL},
    {VTX_EMU_HTTP_429, 429, vtx_emu_too_many, NULL},
    {VTX_EMU_HTTP_429_RETRYINFO, 429, vtx_emu_too_many, "RATE_LIMIT_EXCEEDED"},
    {VTX_EMU_HTTP_500, 500, "Internal error encountered.", NULL},
    {VTX_EMU_HTTP_503, 503, vtx_emu_overloaded, NULL},
    {VTX_EMU_HTTP_504, 504, "Deadline expired before operation could complete.",
     NULL},
};

static const size_t http_fault_count = sizeof http_faults / sizeof *http_faults;

bool vtx_emu_fault_replaces(enum vtx_emu_fault fault) {
  switch (fault) {
    case VTX_EMU_HTML_404:
    case VTX_EMU_HTML_502:
    case VTX_EMU_EMPTY_200:
    case VTX_EMU_NOT_JSON:
    case VTX_EMU_HANG:
    case VTX_EMU_RESET:
    case VTX_EMU_GIANT:
    case VTX_EMU_GZIP_BOMB:
    case VTX_EMU_REDIRECT_302:
      return true;
    default:
      break;
  }
  for (size_t i = 0; i < http_fault_count; i++) {
    if (http_faults[i].fault == fault) return true;
  }
  return false;
}

/* Moves the bytes to the arena and makes them the reply's body. */
static bool set_body(struct cb_arena *arena, struct cb_buf *buf,
                     struct vtx_emu_reply *reply) {
  const char *body =
      buf->failed ? NULL : cb_arena_memdup(arena, buf->data, buf->len);
  bool good = body && vtx_emu_reply_set(reply, arena, body, buf->len);

  cb_buf_release(buf);
  return good;
}

static bool http_error(struct cb_arena *arena,
                       const struct vtx_emu_knobs *knobs, bool listed,
                       struct vtx_emu_reply *reply) {
  struct vtx_emu_error error = vtx_emu_error_make(500, "Internal error.");
  struct cb_buf buf;

  for (size_t i = 0; i < http_fault_count; i++) {
    if (http_faults[i].fault != knobs->fault) continue;
    error =
        vtx_emu_error_make(http_faults[i].http_status, http_faults[i].message);
    error.reason = http_faults[i].reason;
  }
  if (knobs->fault == VTX_EMU_HTTP_429_RETRYINFO) {
    error.retry_delay = knobs->retry_delay;
  }
  cb_buf_init(&buf, MAX_BODY, NULL);
  vtx_emu_error_write(&error, listed, &buf);
  reply->status = error.http_status;
  reply->content_type = "application/json; charset=UTF-8";
  return set_body(arena, &buf, reply);
}

static bool html_error(struct cb_arena *arena, unsigned status,
                       const char *path, struct vtx_emu_reply *reply) {
  struct cb_buf buf;

  cb_buf_init(&buf, MAX_BODY, NULL);
  vtx_emu_error_page(status, path, &buf);
  reply->status = status;
  reply->content_type = "text/html; charset=UTF-8";
  return set_body(arena, &buf, reply);
}

static uint64_t body_size(const struct vtx_emu_reply *reply) {
  uint64_t size = 0;

  for (size_t i = 0; i < reply->piece_count; i++) {
    size += reply->pieces[i].size * reply->pieces[i].repeat;
  }
  return size;
}

static const char answer_head[] =
    "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":"
    "\"";
static const char answer_tail[] =
    "\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{"
    "\"promptTokenCount\":1,\"candidatesTokenCount\":1,\"totalTokenCount\":2,"
    "\"trafficType\":\"ON_DEMAND\"}}";

/* An answer of about size bytes, which is never in memory as a whole. */
static bool giant(struct cb_arena *arena, int64_t size,
                  enum vtx_emu_framing framing, struct vtx_emu_reply *reply) {
  static const char filler[] = "giant giant giant giant giant giant giant ";
  bool sse = framing == VTX_EMU_SSE;
  char *block = cb_arena_alloc(arena, BLOCK);
  struct vtx_emu_piece *pieces = cb_arena_zalloc(arena, 5, sizeof *pieces);

  if (!block || !pieces) return false;
  for (size_t i = 0; i < BLOCK; i++)
    block[i] = filler[i % (sizeof filler - 1)];
  pieces[0] = (struct vtx_emu_piece){"data: ", sse ? 6 : 0, 1};
  pieces[1] = (struct vtx_emu_piece){answer_head, sizeof answer_head - 1, 1};
  pieces[2] = (struct vtx_emu_piece){block, BLOCK, (uint64_t)size / BLOCK};
  pieces[3] = (struct vtx_emu_piece){answer_tail, sizeof answer_tail - 1, 1};
  pieces[4] = (struct vtx_emu_piece){"\r\n\r\n", sse ? 4 : 0, 1};
  reply->pieces = pieces;
  reply->piece_count = 5;
  reply->chunked = sse;
  reply->interval = 0;
  reply->content_type =
      sse ? "text/event-stream" : "application/json; charset=UTF-8";
  return true;
}

/* A gzip stream of blocks that do not refer to each other, so one compressed
 * block may be sent as often as wanted. The checksum at the end is right. */
struct bomb {
  struct cb_arena *arena;
  z_stream stream;
  uLong crc;
  uint64_t total;
};

static bool bomb_piece(struct bomb *bomb, const char *data, size_t size,
                       uint64_t repeat, struct vtx_emu_piece *piece) {
  size_t room = size + 1024;
  char *out = cb_arena_alloc(bomb->arena, room);
  uLong crc = crc32(0, (const Bytef *)data, (uInt)size);

  if (!out) return false;
  bomb->stream.next_in = (Bytef *)(uintptr_t)data;
  bomb->stream.avail_in = (uInt)size;
  bomb->stream.next_out = (Bytef *)out;
  bomb->stream.avail_out = (uInt)room;
  if (deflate(&bomb->stream, Z_FULL_FLUSH) != Z_OK) return false;
  *piece = (struct vtx_emu_piece){out, room - bomb->stream.avail_out, repeat};
  for (uint64_t i = 0; i < repeat; i++) {
    bomb->crc = crc32_combine(bomb->crc, crc, (z_off_t)size);
  }
  bomb->total += size * repeat;
  return true;
}

/* An empty last block, then checksum and length, low bytes first. */
static bool bomb_end(struct bomb *bomb, struct vtx_emu_piece *piece) {
  uint8_t *out = cb_arena_alloc(bomb->arena, 10);

  if (!out) return false;
  out[0] = 0x03;
  out[1] = 0x00;
  for (int i = 0; i < 4; i++) {
    out[2 + i] = (uint8_t)(bomb->crc >> (8 * i));
    out[6 + i] = (uint8_t)(bomb->total >> (8 * i));
  }
  *piece = (struct vtx_emu_piece){(const char *)out, 10, 1};
  return true;
}

static bool gzip_bomb(struct cb_arena *arena, int64_t size,
                      struct vtx_emu_reply *reply) {
  static const char head[10] = "\x1f\x8b\x08\0\0\0\0\0\0\x03";
  struct bomb bomb = {.arena = arena};
  struct vtx_emu_piece *pieces = cb_arena_zalloc(arena, 5, sizeof *pieces);
  char *block = cb_arena_alloc(arena, BLOCK);
  bool good;

  if (!pieces || !block) return false;
  memset(block, 'a', BLOCK);
  if (deflateInit2(&bomb.stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return false;
  }
  pieces[0] = (struct vtx_emu_piece){head, sizeof head, 1};
  good =
      bomb_piece(&bomb, answer_head, sizeof answer_head - 1, 1, &pieces[1]) &&
      bomb_piece(&bomb, block, BLOCK, (uint64_t)size / BLOCK, &pieces[2]) &&
      bomb_piece(&bomb, answer_tail, sizeof answer_tail - 1, 1, &pieces[3]) &&
      bomb_end(&bomb, &pieces[4]);
  deflateEnd(&bomb.stream);
  reply->pieces = pieces;
  reply->piece_count = 5;
  reply->chunked = false;
  reply->interval = 0;
  reply->content_type = "application/json; charset=UTF-8";
  reply->header = "Content-Encoding";
  reply->header_value = "gzip";
  return good;
}

static bool replace(struct cb_arena *arena, const struct vtx_emu_knobs *knobs,
                    enum vtx_emu_framing framing, const char *path,
                    struct vtx_emu_reply *reply) {
  static const char not_json[] = "this is not JSON, whatever the header says";

  switch (knobs->fault) {
    case VTX_EMU_HTML_404:
      return html_error(arena, 404, path, reply);
    case VTX_EMU_HTML_502:
      return html_error(arena, 502, path, reply);
    case VTX_EMU_EMPTY_200:
      return vtx_emu_reply_set(reply, arena, "", 0);
    case VTX_EMU_NOT_JSON:
      return vtx_emu_reply_set(reply, arena, not_json, sizeof not_json - 1);
    case VTX_EMU_HANG:
    case VTX_EMU_RESET:
      reply->status = 0;
      reply->ending =
          knobs->fault == VTX_EMU_HANG ? VTX_EMU_END_HANG : VTX_EMU_END_RESET;
      return true;
    case VTX_EMU_REDIRECT_302:
      reply->status = 302;
      reply->header = "Location";
      reply->header_value = "http://127.0.0.1:9/elsewhere";
      return vtx_emu_reply_set(reply, arena, "", 0);
    case VTX_EMU_GIANT:
      return giant(arena, knobs->size > 0 ? knobs->size : giant_bytes, framing,
                   reply);
    case VTX_EMU_GZIP_BOMB:
      return gzip_bomb(arena, knobs->size > 0 ? knobs->size : bomb_bytes,
                       reply);
    default:
      return http_error(arena, knobs, framing == VTX_EMU_ARRAY, reply);
  }
}

/* The last event gives way to an error, in one of the two shapes seen. */
static bool error_in_stream(struct cb_arena *arena,
                            enum vtx_emu_framing framing, bool raw,
                            struct vtx_emu_reply *reply) {
  static const char pretty[] =
      "{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"The model is "
      "overloaded. Please try again later.\",\n    \"status\": "
      "\"UNAVAILABLE\"\n  }\n}\n";
  static const char event[] =
      "data: {\"error\":{\"code\":503,\"message\":\"The model is overloaded. "
      "Please try again later.\",\"status\":\"UNAVAILABLE\"}}\r\n\r\n";
  struct vtx_emu_piece *last = &reply->pieces[reply->piece_count - 1];
  struct cb_buf buf;

  if (framing == VTX_EMU_SSE) {
    *last = raw ? (struct vtx_emu_piece){pretty, sizeof pretty - 1, 1}
                : (struct vtx_emu_piece){event, sizeof event - 1, 1};
    return true;
  }
  cb_buf_init(&buf, MAX_BODY, NULL);
  if (framing == VTX_EMU_ARRAY) cb_buf_add_text(&buf, ",\r\n");
  cb_buf_add_text(&buf, pretty);
  if (framing == VTX_EMU_ARRAY) cb_buf_add_text(&buf, "]");
  last->size = buf.len;
  last->data = cb_arena_memdup(arena, buf.data ? buf.data : "", buf.len);
  cb_buf_release(&buf);
  return last->data != NULL;
}

/* Without its last piece if it has several, else without its second half. */
static uint64_t without_end(const struct vtx_emu_reply *reply) {
  if (reply->piece_count < 2) return body_size(reply) / 2;
  return body_size(reply) - reply->pieces[reply->piece_count - 1].size;
}

bool vtx_emu_fault_apply(struct cb_arena *arena,
                         const struct vtx_emu_knobs *knobs,
                         enum vtx_emu_framing framing, const char *path,
                         struct vtx_emu_reply *reply) {
  bool raw = knobs->fault == VTX_EMU_SSE_ERROR_RAW;
  uint64_t half = body_size(reply) / 2;

  if (vtx_emu_fault_replaces(knobs->fault)) {
    reply->chunked = false;
    return replace(arena, knobs, framing, path, reply);
  }
  switch (knobs->fault) {
    case VTX_EMU_TRUNCATED_JSON:
      reply->end_after = half;
      break;
    case VTX_EMU_RESET_MID_BODY:
      reply->end_after = knobs->bytes > 0 ? (uint64_t)knobs->bytes : half;
      reply->ending = VTX_EMU_END_RESET;
      break;
    case VTX_EMU_SSE_TRUNCATED:
      reply->end_after = without_end(reply);
      break;
    case VTX_EMU_SSE_RESET:
      reply->end_after = without_end(reply);
      reply->ending = VTX_EMU_END_RESET;
      break;
    case VTX_EMU_STALL:
      reply->end_after = reply->piece_count > 1 ? reply->pieces[0].size : half;
      reply->ending = VTX_EMU_END_HANG;
      break;
    case VTX_EMU_DRIP:
      reply->drip = true;
      break;
    case VTX_EMU_SSE_ERROR_RAW:
    case VTX_EMU_SSE_ERROR_DATA:
      return error_in_stream(arena, framing, raw, reply);
    default:
      break;
  }
  return true;
}
