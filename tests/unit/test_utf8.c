#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"

struct text {
  const char *data;
  size_t size;
};

#define TEXT(s) \
  { s, sizeof s - 1 }

static const struct text good[] = {
    TEXT(""),
    TEXT("a\0b"),
    TEXT("\x7F"),
    TEXT("\xC2\x80"),
    TEXT("\xDF\xBF"),
    TEXT("\xE0\xA0\x80"),
    TEXT("\xED\x9F\xBF"),
    TEXT("\xEE\x80\x80"),
    TEXT("\xEF\xBF\xBF"),
    TEXT("\xF0\x90\x80\x80"),
    TEXT("\xF4\x8F\xBF\xBF"),
};

static const struct text bad[] = {
    TEXT("\x80"),
    TEXT("\xBF"),
    TEXT("\xC0\x80"),
    TEXT("\xC1\xBF"),
    TEXT("\xC2"),
    TEXT("\xC2\x7F"),
    TEXT("\xC2\xC0"),
    TEXT("\xE0\x9F\xBF"),
    TEXT("\xE0\xA0"),
    TEXT("\xE1\x80\x7F"),
    TEXT("\xED\xA0\x80"), /* a surrogate */
    TEXT("\xED\xBF\xBF"),
    TEXT("\xF0\x8F\xBF\xBF"),
    TEXT("\xF0\x90\x80"),
    TEXT("\xF4\x90\x80\x80"), /* past U+10FFFF */
    TEXT("\xF5\x80\x80\x80"),
    TEXT("\xFE"),
    TEXT("\xFF"),
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Each text in every place around the eight bytes of the fast path. */
static void valid__good_and_bad_at_any_place__told_apart(void **state) {
  char line[64];

  (void)state;
  for (size_t before = 0; before < 20; before++) {
    for (size_t i = 0; i < COUNT(good) + COUNT(bad); i++) {
      bool is_good = i < COUNT(good);
      const struct text *text = is_good ? &good[i] : &bad[i - COUNT(good)];

      memset(line, 'x', sizeof line);
      memcpy(line + before, text->data, text->size);
      for (size_t after = 0; after < 18; after++)
        assert_int_equal(cb_utf8_valid(line, before + text->size + after),
                         is_good);
    }
  }
}

static void cut__inside_a_character__before_it(void **state) {
  static const char text[] = "aé€\xF0\x9F\x98\x80z"; /* 1 2 3 4 1 bytes */
  static const size_t cuts[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};

  (void)state;
  for (size_t max = 0; max < COUNT(cuts); max++)
    assert_int_equal(cb_utf8_cut(text, 11, max), cuts[max]);
  assert_int_equal(cb_utf8_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
}

static void clean__broken_sequences__one_mark_each(void **state) {
  static const char in[] = "a\0\xC3\xA9\xE2\x82z\xFF\xF0\x9F\x98\xED\xA0\x80";
  char out[3 * sizeof in + 1];
  size_t nuls = 5;
  size_t len = cb_utf8_clean(in, sizeof in - 1, out, &nuls);

#define MARK "\xEF\xBF\xBD"
  (void)state;
  assert_string_equal(out,
                      "a" MARK "\xC3\xA9" MARK "z" MARK MARK MARK MARK MARK);
  assert_int_equal(len, strlen(out));
  assert_int_equal(nuls, 6);
  assert_true(cb_utf8_valid(out, len));
}

static void clean__worst_case__fits_the_stated_room(void **state) {
  char in[100];
  char out[301];

  (void)state;
  memset(in, 0xFF, sizeof in);
  assert_int_equal(cb_utf8_clean(in, sizeof in, out, NULL), 300);
  assert_int_equal(cb_utf8_clean(in, 0, out, NULL), 0);
  assert_string_equal(out, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(valid__good_and_bad_at_any_place__told_apart),
      cmocka_unit_test(cut__inside_a_character__before_it),
      cmocka_unit_test(clean__broken_sequences__one_mark_each),
      cmocka_unit_test(clean__worst_case__fits_the_stated_room),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
