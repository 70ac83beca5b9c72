#include "service/vertex/codec_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Protobuf's own limits: some 10,000 years, and the years 1 to 9999. */
#define MAX_DURATION INT64_C(315576000000)
#define MIN_TIMESTAMP INT64_C(-62135596800)
#define MAX_TIMESTAMP INT64_C(253402300799)
#define NANOS 1000000000
#define DAY INT64_C(86400)

/* ".5", ".500", ... : the shortest of 0, 3, 6 and 9 digits. */
static void fraction_text(int32_t nanos, char out[16]) {
  out[0] = '\0';
  if (nanos == 0) return;
  if (nanos % 1000000 == 0)
    snprintf(out, 16, ".%03d", nanos / 1000000);
  else if (nanos % 1000 == 0)
    snprintf(out, 16, ".%06d", nanos / 1000);
  else
    snprintf(out, 16, ".%09d", nanos);
}

bool vtx_duration_text(int64_t seconds, int32_t nanos,
                       char out[VTX_TIME_ROOM]) {
  bool negative = seconds < 0 || nanos < 0;
  char fraction[16];

  if (seconds > MAX_DURATION || seconds < -MAX_DURATION) return false;
  if (nanos >= NANOS || nanos <= -NANOS) return false;
  if (negative && (seconds > 0 || nanos > 0)) return false;
  if (negative) {
    seconds = -seconds;
    nanos = -nanos;
  }
  fraction_text(nanos, fraction);
  snprintf(out, VTX_TIME_ROOM, "%s%lld%ss", negative ? "-" : "",
           (long long)seconds, fraction);
  return true;
}

/* Reads between min and max digits; false if there are fewer. */
static bool take_digits(const char **text, int min, int max,
                        int64_t *ret_value) {
  int64_t value = 0;
  int count = 0;

  while (count < max && isdigit((unsigned char)**text)) {
    value = value * 10 + (*(*text)++ - '0');
    count++;
  }
  *ret_value = value;
  return count >= min;
}

/* Reads ".123" if it is there. */
static bool take_fraction(const char **text, int32_t *ret_nanos) {
  const char *from = *text + 1;
  int64_t value;

  *ret_nanos = 0;
  if (**text != '.') return true;
  *text = from;
  if (!take_digits(text, 1, 9, &value)) return false;
  for (ptrdiff_t digits = *text - from; digits < 9; digits++)
    value *= 10;
  *ret_nanos = (int32_t)value;
  return true;
}

bool vtx_duration_parse(const char *text, int64_t *ret_seconds,
                        int32_t *ret_nanos) {
  bool negative = *text == '-';
  int64_t seconds;
  int32_t nanos;

  if (negative) text++;
  if (!take_digits(&text, 1, 12, &seconds)) return false;
  if (!take_fraction(&text, &nanos)) return false;
  if (strcmp(text, "s") != 0 || seconds > MAX_DURATION) return false;
  *ret_seconds = negative ? -seconds : seconds;
  *ret_nanos = negative ? -nanos : nanos;
  return true;
}

/* Days since 1970-01-01 and back, proleptic Gregorian; years are counted from
 * March, so that the leap day is the last of a year. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day) {
  int64_t shifted = month <= 2 ? year - 1 : year;
  int64_t era = shifted / 400;
  int64_t year_of_era = shifted - era * 400;
  int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

  return era * 146097 + year_of_era * 365 + year_of_era / 4 -
         year_of_era / 100 + day_of_year - 719468;
}

struct date {
  int64_t year;
  int64_t month;
  int64_t day;
};

static struct date date_from_days(int64_t days) {
  int64_t from_march = days + 719468;
  int64_t era = from_march / 146097;
  int64_t day_of_era = from_march - era * 146097;
  int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                         day_of_era / 146096) /
                        365;
  int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t shifted_month = (5 * day_of_year + 2) / 153;
  int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;

  return (struct date){
      .year = year_of_era + era * 400 + (month <= 2),
      .month = month,
      .day = day_of_year - (153 * shifted_month + 2) / 5 + 1,
  };
}

bool vtx_timestamp_text(int64_t seconds, int32_t nanos,
                        char out[VTX_TIME_ROOM]) {
  int64_t days;
  int64_t rest;
  struct date date;
  char fraction[16];

  if (seconds < MIN_TIMESTAMP || seconds > MAX_TIMESTAMP) return false;
  if (nanos < 0 || nanos >= NANOS) return false;
  days = (seconds - MIN_TIMESTAMP) / DAY + MIN_TIMESTAMP / DAY;
  rest = seconds - days * DAY;
  date = date_from_days(days);
  fraction_text(nanos, fraction);
  snprintf(out, VTX_TIME_ROOM, "%04d-%02d-%02dT%02d:%02d:%02d%sZ",
           (int)date.year, (int)date.month, (int)date.day, (int)(rest / 3600),
           (int)(rest / 60 % 60), (int)(rest % 60), fraction);
  return true;
}

static bool take_char(const char **text, const char *any_of) {
  if (!**text || !strchr(any_of, **text)) return false;
  (*text)++;
  return true;
}

static int64_t days_in_month(int64_t year, int64_t month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

  return month == 2 && leap ? 29 : days[month - 1];
}

/* "2026-04-01" to seconds at its beginning. */
static bool take_date(const char **text, int64_t *ret_seconds) {
  int64_t year;
  int64_t month;
  int64_t day;

  if (!take_digits(text, 4, 4, &year) || !take_char(text, "-") ||
      !take_digits(text, 2, 2, &month) || !take_char(text, "-") ||
      !take_digits(text, 2, 2, &day))
    return false;
  if (year < 1 || month < 1 || month > 12) return false;
  if (day < 1 || day > days_in_month(year, month)) return false;
  *ret_seconds = days_from_date(year, month, day) * DAY;
  return true;
}

/* "12:00:60" is a leap second; it counts as the next minute's first. */
static bool take_clock(const char **text, int64_t *ret_seconds) {
  int64_t hour;
  int64_t minute;
  int64_t second;

  if (!take_digits(text, 2, 2, &hour) || !take_char(text, ":") ||
      !take_digits(text, 2, 2, &minute) || !take_char(text, ":") ||
      !take_digits(text, 2, 2, &second))
    return false;
  if (hour > 23 || minute > 59 || second > 60) return false;
  *ret_seconds = hour * 3600 + minute * 60 + second;
  return true;
}

/* "Z" or "+02:00", to the seconds that it is ahead of UTC. */
static bool take_offset(const char **text, int64_t *ret_seconds) {
  bool behind = **text == '-';
  int64_t hours;
  int64_t minutes;

  *ret_seconds = 0;
  if (take_char(text, "Zz")) return true;
  if (!take_char(text, "+-") || !take_digits(text, 2, 2, &hours) ||
      !take_char(text, ":") || !take_digits(text, 2, 2, &minutes))
    return false;
  if (hours > 23 || minutes > 59) return false;
  *ret_seconds = (hours * 3600 + minutes * 60) * (behind ? -1 : 1);
  return true;
}

bool vtx_timestamp_parse(const char *text, int64_t *ret_seconds,
                         int32_t *ret_nanos) {
  int64_t date;
  int64_t clock;
  int64_t offset;
  int32_t nanos;

  if (!take_date(&text, &date) || !take_char(&text, "Tt") ||
      !take_clock(&text, &clock) || !take_fraction(&text, &nanos) ||
      !take_offset(&text, &offset) || *text)
    return false;
  date += clock - offset;
  if (date < MIN_TIMESTAMP || date > MAX_TIMESTAMP) return false;
  *ret_seconds = date;
  *ret_nanos = nanos;
  return true;
}
