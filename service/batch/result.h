/* result.h - what came of one prompt, on its way from engine to caller.
 *
 * The engine makes it, posts it to the call's sink, and is done with it. It
 * brings its own memory: the arena it lives in, and that of the answer.
 *
 * Threads:   one owner at a time; crosses as a message.
 * Ownership: who takes it from the mailbox frees it with vtx_result_free().
 */
#ifndef VTX_RESULT_H
#define VTX_RESULT_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/mailbox.h"
#include "base/slots.h"
#include "base/status.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_arena;
struct vtx_service;

struct vtx_result {
  struct cb_mail mail;
  struct vtx_service *service;
  struct cb_id sink;
  struct cb_arena *arena;        /* the result itself lives in it; NULL: in
                                    its flow's (ahead.h) */
  struct cb_arena *answer_arena; /* message's, may be NULL */
  struct cb_arena *input_arena;  /* of a pipe's prompt, may be NULL */
  uint32_t index;                /* of the prompt in its call */
  bool last;               /* false: one message of a stream, more will come */
  struct cb_status status; /* texts in arena */
  ProtobufCMessage *message; /* the answer; NULL unless status is CB_OK */
  const char *id;            /* GenerateRequest.id, "" if none */
  int32_t attempts;
  int64_t duration; /* nanoseconds since it was first sent, 0 if it was not */
  size_t charge;    /* bytes to give back to the flow's allowance */
  union {
    struct cb_link link;      /* as completed */
    struct cb_heap_node node; /* in input order */
  } turn;                     /* the order window's */
};

/* Frees the result and all it brings. NULL is fine. */
void vtx_result_free(struct vtx_result *result);

/* Bytes that the result holds. */
size_t vtx_result_size(const struct vtx_result *result);

/* Turns the result into a failure with status (texts literals or from
 * result->arena), freeing its answer. */
void vtx_result_fail(struct vtx_result *result, const struct cb_status *status);

/* An ItemResult with all it points to. Not to be copied once filled. */
struct vtx_item {
  Vertexd__V1__ItemResult result;
  Vertexd__V1__Error error;
  Google__Protobuf__Duration duration;
  Google__Protobuf__Duration retry_after;
  Vertexd__V1__Error__MetadataEntry entries[CB_STATUS_PAIRS];
  Vertexd__V1__Error__MetadataEntry *entry_list[CB_STATUS_PAIRS];
};

/* Fills *item from result, whose texts it borrows. */
void vtx_item_fill(struct vtx_item *item, const struct vtx_result *result);

/* Fills *item with an error that no prompt was sent for. */
void vtx_item_fill_error(struct vtx_item *item, uint32_t index, const char *id,
                         const struct cb_status *status);

/* Cuts the error in *item down to its code, its reason and whether it may pass:
 * what room is kept for in any message. */
void vtx_item_minimise(struct vtx_item *item);

/* The most bytes that a minimal error of an item whose id has id_size bytes
 * takes as one element of a message. */
size_t vtx_item_minimal_size(size_t id_size);

/* The bytes that the item takes as one element of a message. */
size_t vtx_item_size(const struct vtx_item *item);

/* The status of an answer that is too large for the caller's messages. */
struct cb_status vtx_status_too_large(struct cb_arena *arena, size_t size,
                                      size_t max);

/* Makes *item fit max bytes: an answer becomes RESPONSE_TOO_LARGE (on result
 * too), an error is minimised. Room for a minimal error must be there. */
void vtx_item_fit(struct vtx_item *item, struct vtx_result *result, size_t max);

#endif
