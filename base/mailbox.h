/* mailbox.h - how loops talk to each other: messages that move their payload.
 *
 * Each loop has one mailbox. Any thread may put a message; only the owning
 * loop takes them, all at once, in the order they were put. The message is
 * embedded in what it carries, so posting allocates nothing.
 *
 * Threads:   cb_mailbox_put() from any; init, take and release from the owner.
 * Ownership: a put message belongs to the mailbox until it is taken, then to
 *            the owner.
 */
#ifndef CB_MAILBOX_H
#define CB_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>

/* Embed as a member. deliver() runs on the owner's loop and owns the message
 * from then on. */
struct cb_mail {
  struct cb_mail *next;
  void (*deliver)(struct cb_mail *mail);
};

struct cb_mailbox {
  pthread_mutex_t mutex;
  struct cb_mail *first;
  struct cb_mail **last;
};

void cb_mailbox_init(struct cb_mailbox *box);

/* The box must be empty. */
void cb_mailbox_release(struct cb_mailbox *box);

/* Appends mail. True if the box was empty before: the putter must then wake
 * the owner; while false, a wake-up is already under way. */
bool cb_mailbox_put(struct cb_mailbox *box, struct cb_mail *mail);

/* Takes all messages, oldest first, linked by next. NULL if none. */
struct cb_mail *cb_mailbox_take(struct cb_mailbox *box);

/* Takes all messages and delivers each; returns how many. Messages put by a
 * delivery are left for the next turn. */
unsigned cb_mailbox_deliver(struct cb_mailbox *box);

#endif
