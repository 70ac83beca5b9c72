/* The reply's way out: what the library is given, and when. */
#include <microhttpd.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "service/emulator/exchange.h"
#include "service/emulator/gzip.h"

enum { LEAST_BLOCK = 1 << 10, MOST_BLOCK = 64 << 10 };

static uint64_t whole_size(const struct vtx_emu_reply *reply) {
  uint64_t size = 0;

  for (size_t i = 0; i < reply->piece_count; i++) {
    size += reply->pieces[i].size * reply->pieces[i].repeat;
  }
  return size;
}

/* Ends the connection from within the reader. MHD_CONTENT_READER_END_WITH_ERROR
 * will not do: with epoll, version 0.9.75 closes the connection then but does
 * not look at it again until all older ones are gone. A byte for a socket that
 * is no longer connected is an error of sending, which it handles at once. */
static ssize_t break_off(struct vtx_emu_exchange *exchange, char *out) {
  vtx_emu_connection_reset(exchange->connection);
  *out = ' ';
  return 1;
}

static ssize_t finish_body(struct vtx_emu_exchange *exchange, char *out) {
  switch (exchange->reply.ending) {
    case VTX_EMU_END_CLEAN:
      return MHD_CONTENT_READER_END_OF_STREAM;
    case VTX_EMU_END_RESET:
      exchange->broken = true;
      break;
    case VTX_EMU_END_HANG:
      if (vtx_emu_exchange_suspend(exchange, CB_NEVER)) return 0;
      break;
  }
  return break_off(exchange, out);
}

/* Moves on by size bytes, which lie within one round of a piece. */
static void advance(struct vtx_emu_exchange *exchange, size_t size) {
  const struct vtx_emu_piece *piece = &exchange->reply.pieces[exchange->piece];

  exchange->rested = false;
  exchange->offset += size;
  if (exchange->offset < piece->size) return;
  exchange->offset = 0;
  if (++exchange->round < piece->repeat) return;
  exchange->round = 0;
  exchange->piece++;
}

/* True before each piece but the first, or before each byte. */
static bool pause_is_due(const struct vtx_emu_exchange *exchange,
                         uint64_t pos) {
  if (exchange->reply.interval == 0 || exchange->rested || pos == 0) {
    return false;
  }
  if (exchange->reply.drip) return true;
  return exchange->offset == 0 && exchange->round == 0;
}

static ssize_t read_body(void *cls, uint64_t pos, char *out, size_t max) {
  struct vtx_emu_exchange *exchange = cls;
  const struct vtx_emu_reply *reply = &exchange->reply;
  const struct vtx_emu_piece *piece;
  size_t size;

  if (exchange->left) return break_off(exchange, out);
  while (exchange->piece < reply->piece_count &&
         reply->pieces[exchange->piece].size == 0) {
    exchange->piece++;
  }
  if (exchange->piece == reply->piece_count || pos >= reply->end_after) {
    return finish_body(exchange, out);
  }
  if (pause_is_due(exchange, pos)) {
    return vtx_emu_exchange_suspend(exchange, reply->interval)
               ? 0
               : break_off(exchange, out);
  }
  piece = &reply->pieces[exchange->piece];
  size = piece->size - exchange->offset;
  if (size > max) size = max;
  if (size > reply->end_after - pos) size = (size_t)(reply->end_after - pos);
  if (reply->drip) size = 1;
  memcpy(out, piece->data + exchange->offset, size);
  advance(exchange, size);
  return (ssize_t)size;
}

static size_t block_size(const struct vtx_emu_reply *reply) {
  size_t size = LEAST_BLOCK;

  for (size_t i = 0; i < reply->piece_count; i++) {
    if (reply->pieces[i].size > size) size = reply->pieces[i].size;
  }
  return size < MOST_BLOCK ? size : MOST_BLOCK;
}

/* A whole answer goes out in one write; all else is asked for bit by bit. */
static struct MHD_Response *make_response(struct vtx_emu_exchange *exchange) {
  const struct vtx_emu_reply *reply = &exchange->reply;
  bool clean = reply->ending == VTX_EMU_END_CLEAN;
  uint64_t size = whole_size(reply);

  if (reply->chunked) {
    size = MHD_SIZE_UNKNOWN;
  } else if (clean && reply->end_after < size) {
    size = reply->end_after;
  }
  if (reply->piece_count == 0) {
    return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
  }
  if (clean && !reply->chunked && !reply->drip && reply->piece_count == 1 &&
      reply->pieces[0].repeat == 1) {
    return MHD_create_response_from_buffer(
        (size_t)size, (void *)(uintptr_t)reply->pieces[0].data,
        MHD_RESPMEM_PERSISTENT);
  }
  return MHD_create_response_from_callback(size, block_size(reply), read_body,
                                           exchange, NULL);
}

static void compress_reply(struct vtx_emu_exchange *exchange) {
  struct vtx_emu_reply *reply = &exchange->reply;
  const char *accepted = MHD_lookup_connection_value(
      exchange->http, MHD_HEADER_KIND, "Accept-Encoding");
  const char *data;
  size_t size;

  if (!exchange->emulator->gzip || !accepted || !strstr(accepted, "gzip") ||
      reply->chunked || reply->header || reply->piece_count != 1) {
    return;
  }
  data = vtx_emu_gzip(exchange->arena, reply->pieces[0].data,
                      reply->pieces[0].size, &size);
  if (!data) return;
  reply->pieces[0].data = data;
  reply->pieces[0].size = size;
  reply->header = "Content-Encoding";
  reply->header_value = "gzip";
}

enum MHD_Result vtx_emu_exchange_reply(struct vtx_emu_exchange *exchange) {
  const struct vtx_emu_reply *reply = &exchange->reply;
  struct MHD_Response *response;
  enum MHD_Result result;

  exchange->state = VTX_EMU_SENDING;
  exchange->rested = false;
  if (reply->status == 0) {
    exchange->broken = reply->ending == VTX_EMU_END_RESET;
    if (exchange->broken) vtx_emu_connection_reset(exchange->connection);
    exchange->state = VTX_EMU_WAITING;
    return reply->ending == VTX_EMU_END_HANG &&
                   vtx_emu_exchange_suspend(exchange, CB_NEVER)
               ? MHD_YES
               : MHD_NO;
  }
  compress_reply(exchange);
  response = make_response(exchange);
  if (!response) return MHD_NO;
  if (reply->content_type) {
    MHD_add_response_header(response, "Content-Type", reply->content_type);
  }
  if (reply->header) {
    MHD_add_response_header(response, reply->header, reply->header_value);
  }
  result = MHD_queue_response(exchange->http, reply->status, response);
  MHD_destroy_response(response);
  return result;
}
