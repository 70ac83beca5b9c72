/* crpc_streams.h - the fixture's handlers for streaming clients, and how tests
 * write to them.
 *
 * Both handlers do what each ask's how says: "hold" reads no further until the
 * test calls crpc_call_read() on fixture->held, "end" ends the call at once and
 * well, "fail" ends it as fixture_fail() does. Else Gather takes down the text,
 * which it answers at half-close; Chat sends count answers (0: one) of size
 * bytes with the text, and reads the next ask when the last of them was taken.
 * Answers to asks with a count are numbered through.
 */
#ifndef TESTS_UNIT_SUPPORT_CRPC_STREAMS_H
#define TESTS_UNIT_SUPPORT_CRPC_STREAMS_H

#include "support/crpc_fixture.h"

struct crpc_call;

void fixture_gather(struct crpc_call *call, void *self);
void fixture_chat(struct crpc_call *call, void *self);

/* crpc_fixture.c: notes what can be known of a call before its messages. */
void fixture_note_call(struct fixture *fixture, struct crpc_call *call);

/* crpc_fixture.c: fails call with all details that a status can have. */
void fixture_fail(struct crpc_call *call);

/* An ask with these texts, which are borrowed. */
echo_Ask stream_ask(const char *text, const char *how);

/* Writes an ask, turning the loop until there is room. */
void talk_put(struct talk *talk, const echo_Ask *ask);
void talk_put_text(struct talk *talk, const char *text);
void talk_put_how(struct talk *talk, const char *how);

/* Writes asks, for an answer of 16 KiB each, up to talk->limit and as long as
 * there is room; then half-closes. Can be talk->writable. */
void talk_write_wide(struct talk *talk);

/* Turns the loop until *count has not moved for a while. */
void fixture_until_still(struct fixture *fixture, const int *count);

#endif
