#include "base/mailbox.h"

#include <assert.h>
#include <stddef.h>

void cb_mailbox_init(struct cb_mailbox *box) {
  pthread_mutex_init(&box->mutex, NULL);
  box->first = NULL;
  box->last = &box->first;
}

void cb_mailbox_release(struct cb_mailbox *box) {
  assert(!box->first);
  pthread_mutex_destroy(&box->mutex);
}

bool cb_mailbox_put(struct cb_mailbox *box, struct cb_mail *mail) {
  bool was_empty;

  mail->next = NULL;
  pthread_mutex_lock(&box->mutex);
  was_empty = !box->first;
  *box->last = mail;
  box->last = &mail->next;
  pthread_mutex_unlock(&box->mutex);
  return was_empty;
}

struct cb_mail *cb_mailbox_take(struct cb_mailbox *box) {
  struct cb_mail *first;

  pthread_mutex_lock(&box->mutex);
  first = box->first;
  box->first = NULL;
  box->last = &box->first;
  pthread_mutex_unlock(&box->mutex);
  return first;
}

unsigned cb_mailbox_deliver(struct cb_mailbox *box) {
  struct cb_mail *mail = cb_mailbox_take(box);
  unsigned count = 0;

  while (mail) {
    struct cb_mail *next = mail->next; /* deliver() may free mail */

    mail->deliver(mail);
    mail = next;
    count++;
  }
  return count;
}
