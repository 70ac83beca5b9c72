#include "base/mailbox.h"

#include <stdlib.h>

#include "base/list.h"
#include "tests/unit/cmocka_all.h"

struct letter {
  struct cb_mail mail;
  struct cb_mailbox *reply_to;
  int *sum;
  int value;
};

static void add_up(struct cb_mail *mail) {
  struct letter *letter = CB_CONTAINER(mail, struct letter, mail);

  *letter->sum = *letter->sum * 10 + letter->value;
  if (letter->reply_to) {
    struct cb_mailbox *box = letter->reply_to;

    letter->reply_to = NULL;
    cb_mailbox_put(box, mail);
  }
}

static void put__first_and_later__only_first_must_wake(void **state) {
  struct cb_mailbox box;
  struct cb_mail mails[2];

  (void)state;
  cb_mailbox_init(&box);
  assert_null(cb_mailbox_take(&box));
  assert_true(cb_mailbox_put(&box, &mails[0]));
  assert_false(cb_mailbox_put(&box, &mails[1]));
  assert_ptr_equal(cb_mailbox_take(&box), &mails[0]);
  assert_ptr_equal(mails[0].next, &mails[1]);
  assert_null(mails[1].next);
  assert_true(cb_mailbox_put(&box, &mails[0]));
  assert_ptr_equal(cb_mailbox_take(&box), &mails[0]);
  cb_mailbox_release(&box);
}

static void deliver__reply_from_within__waits_for_next(void **state) {
  struct cb_mailbox box;
  int sum = 0;
  struct letter one = {{NULL, add_up}, &box, &sum, 1};
  struct letter two = {{NULL, add_up}, NULL, &sum, 2};

  (void)state;
  cb_mailbox_init(&box);
  cb_mailbox_put(&box, &one.mail);
  cb_mailbox_put(&box, &two.mail);
  assert_int_equal(cb_mailbox_deliver(&box), 2);
  assert_int_equal(sum, 12);
  assert_int_equal(cb_mailbox_deliver(&box), 1);
  assert_int_equal(sum, 121);
  assert_int_equal(cb_mailbox_deliver(&box), 0);
  cb_mailbox_release(&box);
}

#define PUTTERS 3
#define LETTERS 5000

static int last_seen[PUTTERS];
static struct cb_mailbox shared;

static void check_order(struct cb_mail *mail) {
  struct letter *letter = CB_CONTAINER(mail, struct letter, mail);

  assert_int_equal(letter->value, *letter->sum + 1);
  *letter->sum = letter->value;
  free(letter);
}

static void *put_many(void *arg) {
  for (int i = 1; i <= LETTERS; i++) {
    struct letter *letter = malloc(sizeof *letter);

    *letter = (struct letter){{NULL, check_order}, NULL, arg, i};
    cb_mailbox_put(&shared, &letter->mail);
  }
  return NULL;
}

static void put__from_threads__each_arrives_once_in_order(void **state) {
  pthread_t threads[PUTTERS];
  unsigned got = 0;

  (void)state;
  cb_mailbox_init(&shared);
  for (int i = 0; i < PUTTERS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, put_many, &last_seen[i]),
                     0);
  got += cb_mailbox_deliver(&shared);
  for (int i = 0; i < PUTTERS; i++)
    pthread_join(threads[i], NULL);
  got += cb_mailbox_deliver(&shared);
  assert_int_equal(got, PUTTERS * LETTERS);
  cb_mailbox_release(&shared);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(put__first_and_later__only_first_must_wake),
      cmocka_unit_test(deliver__reply_from_within__waits_for_next),
      cmocka_unit_test(put__from_threads__each_arrives_once_in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
