#include "support/crpc_streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "crpc/call.h"
#include "support/crpc_fixture.h"

struct stream {
  struct fixture *fixture;
  bool gathers;
  char text[256];
  int left; /* answers to send before the next read */
  int next; /* the number of the next one */
  bool numbered;
  size_t size;
  uint8_t *payload;
};

static void end(struct crpc_call *call, struct stream *stream) {
  echo_Answer answer = echo_Answer_INIT;

  answer.text = stream->text;
  if (stream->gathers) {
    echo_Echo_Gather_reply(call, &answer);
  } else {
    crpc_call_finish(call);
  }
}

/* Chat: sends what is left, as far as there is room, then reads on. */
static void answer_more(struct crpc_call *call, void *ctx) {
  struct stream *stream = ctx;
  struct fixture *fixture = stream->fixture;

  for (; stream->left > 0; stream->left--) {
    echo_Answer answer = echo_Answer_INIT;
    enum crpc_send sent;

    answer.text = stream->text;
    if (stream->numbered) answer.index = stream->next;
    answer.payload.data = stream->payload;
    answer.payload.len = stream->size;
    sent = echo_Echo_Chat_send(call, &answer);
    if (crpc_call_queued_bytes(call) > fixture->most_queued) {
      fixture->most_queued = crpc_call_queued_bytes(call);
    }
    if (sent == CRPC_WAIT) fixture->waits++;
    if (sent != CRPC_SENT) return;
    stream->next++;
  }
  crpc_call_read(call);
}

static void take_chat(struct crpc_call *call, struct stream *stream,
                      const echo_Ask *ask) {
  snprintf(stream->text, sizeof stream->text, "%s", ask->text);
  stream->left = ask->count > 0 ? ask->count : 1;
  stream->numbered = ask->count > 0;
  stream->size = (size_t)ask->size;
  free(stream->payload);
  stream->payload = calloc(1, stream->size + 1);
  assert_non_null(stream->payload);
  answer_more(call, stream);
}

static void take_gather(struct crpc_call *call, struct stream *stream,
                        const echo_Ask *ask) {
  size_t used = strlen(stream->text);

  snprintf(stream->text + used, sizeof stream->text - used, "%s", ask->text);
  crpc_call_read(call);
}

static void on_message(struct crpc_call *call, const ProtobufCMessage *message,
                       void *ctx) {
  const echo_Ask *ask = echo_Echo_Chat_message(message);
  struct stream *stream = ctx;

  stream->fixture->received++;
  if (strcmp(ask->how, "hold") == 0) {
    stream->fixture->held = call;
  } else if (strcmp(ask->how, "end") == 0) {
    end(call, stream);
  } else if (strcmp(ask->how, "fail") == 0) {
    fixture_fail(call);
  } else if (strcmp(ask->how, "keep") == 0) {
    stream->fixture->kept_arena = crpc_call_take_arena(call);
    stream->fixture->kept_ask = ask;
    crpc_call_read(call);
  } else if (stream->gathers) {
    take_gather(call, stream, ask);
  } else {
    take_chat(call, stream, ask);
  }
}

static void on_half_closed(struct crpc_call *call, void *ctx) {
  struct stream *stream = ctx;

  stream->fixture->half_closed++;
  end(call, stream);
}

static void on_cancelled(struct crpc_call *call, void *ctx) {
  struct stream *stream = ctx;

  (void)call;
  stream->fixture->cancelled++;
}

static void on_done(struct crpc_call *call, void *ctx) {
  struct stream *stream = ctx;

  if (stream->fixture->held == call) stream->fixture->held = NULL;
  stream->fixture->done++;
  free(stream->payload);
  free(stream);
}

static const struct crpc_call_events stream_events = {
    .writable = answer_more,
    .message = on_message,
    .half_closed = on_half_closed,
    .cancelled = on_cancelled,
    .done = on_done};

static void open_stream(struct crpc_call *call, void *self, bool gathers) {
  struct stream *stream = calloc(1, sizeof *stream);

  assert_non_null(stream);
  fixture_note_call(self, call);
  stream->fixture = self;
  stream->gathers = gathers;
  crpc_call_set_events(call, &stream_events, stream);
  crpc_call_read(call);
}

void fixture_gather(struct crpc_call *call, void *self) {
  open_stream(call, self, true);
}

void fixture_chat(struct crpc_call *call, void *self) {
  open_stream(call, self, false);
}

/* The client's side. */

echo_Ask stream_ask(const char *text, const char *how) {
  echo_Ask ask = echo_Ask_INIT;

  ask.text = (char *)(uintptr_t)text;
  ask.how = (char *)(uintptr_t)how;
  return ask;
}

void talk_put(struct talk *talk, const echo_Ask *ask) {
  for (;;) {
    int before = talk->writables;
    enum crpc_send sent = talk_write(talk, ask);

    if (sent == CRPC_SENT) return;
    assert_int_equal(sent, CRPC_WAIT);
    fixture_until_count(talk->fixture, &talk->writables, before + 1);
  }
}

void talk_put_text(struct talk *talk, const char *text) {
  echo_Ask ask = stream_ask(text, "");

  talk_put(talk, &ask);
}

void talk_put_how(struct talk *talk, const char *how) {
  echo_Ask ask = stream_ask("", how);

  talk_put(talk, &ask);
}

void talk_write_wide(struct talk *talk) {
  echo_Ask ask = stream_ask("", "");

  ask.count = 1;
  ask.size = 16 * 1024;
  while (talk->written < talk->limit) {
    if (talk_write(talk, &ask) != CRPC_SENT) return;
  }
  talk_half_close(talk);
}

void fixture_until_still(struct fixture *fixture, const int *count) {
  for (int before = -1; before != *count;) {
    before = *count;
    fixture_turn(fixture, 200);
  }
}
