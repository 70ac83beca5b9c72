/* crpc_streams.h - the fixture's handlers for streaming clients.
 *
 * Both do what each ask's how says: "hold" reads no further until the test
 * calls crpc_call_read() on fixture->held, "end" ends the call at once and
 * well, "fail" ends it as fixture_fail() does. Else Gather takes down the text,
 * which it answers at half-close; Chat sends count answers (0: one) of size
 * bytes with the text, and reads the next ask when the last of them was taken.
 * Answers to asks with a count are numbered through.
 */
#ifndef TESTS_UNIT_SUPPORT_CRPC_STREAMS_H
#define TESTS_UNIT_SUPPORT_CRPC_STREAMS_H

struct crpc_call;
struct fixture;

void fixture_gather(struct crpc_call *call, void *self);
void fixture_chat(struct crpc_call *call, void *self);

/* crpc_fixture.c: notes what can be known of a call before its messages. */
void fixture_note_call(struct fixture *fixture, struct crpc_call *call);

/* crpc_fixture.c: fails call with all details that a status can have. */
void fixture_fail(struct crpc_call *call);

#endif
