#include "service/config_value.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

struct unit {
  const char *name;
  uint64_t factor;
};

/* Leading digits; *ret_rest is what follows. */
static bool digits(const char *text, uint64_t *ret_value,
                   const char **ret_rest) {
  uint64_t value = 0;
  const char *p = text;

  for (; *p >= '0' && *p <= '9'; p++) {
    if (__builtin_mul_overflow(value, 10u, &value)) return false;
    if (__builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
      return false;
  }
  *ret_value = value;
  *ret_rest = p;
  return p > text;
}

static bool with_unit(const char *text, const struct unit *units, size_t count,
                      uint64_t *ret_value) {
  uint64_t value;
  const char *rest;

  if (!digits(text, &value, &rest)) return false;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(rest, units[i].name) != 0) continue;
    if (__builtin_mul_overflow(value, units[i].factor, &value)) return false;
    if (value > INT64_MAX) return false;
    *ret_value = value;
    return true;
  }
  return false;
}

bool vtx_value_count(const char *text, uint64_t *ret_value) {
  static const struct unit units[] = {{"", 1}};

  return with_unit(text, units, 1, ret_value);
}

bool vtx_value_bytes(const char *text, uint64_t *ret_value) {
  static const struct unit units[] = {
      {"", 1}, {"KiB", 1u << 10}, {"MiB", 1u << 20}, {"GiB", 1u << 30}};

  return with_unit(text, units, 4, ret_value);
}

bool vtx_value_duration(const char *text, uint64_t *ret_value) {
  static const struct unit units[] = {{"ms", UINT64_C(1000000)},
                                      {"s", UINT64_C(1000000000)},
                                      {"m", UINT64_C(60000000000)},
                                      {"h", UINT64_C(3600000000000)}};

  return with_unit(text, units, 4, ret_value);
}

bool vtx_value_switch(const char *text, bool *ret_value) {
  static const char *const words[] = {"false", "true", "0",   "1",
                                      "no",    "yes",  "off", "on"};

  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcasecmp(text, words[i]) != 0) continue;
    *ret_value = i % 2 == 1;
    return true;
  }
  return false;
}

static bool is_unix_path(const char *path) {
  return *path && strlen(path) < sizeof((struct sockaddr_un *)0)->sun_path;
}

bool vtx_value_is_address(const char *text) {
  const char *colon;
  uint64_t port;
  size_t size;
  const char *host;

  if (strncmp(text, "unix:", 5) == 0) return is_unix_path(text + 5);
  host = vtx_value_host(text, &size);
  if (size == 0 || size > 253) return false;
  colon = host + size + (text[0] == '[');
  if (*colon != ':') return false;
  if (text[0] != '[' && memchr(host, ']', size)) return false;
  return vtx_value_count(colon + 1, &port) && port <= 65535;
}

const char *vtx_value_host(const char *text, size_t *ret_size) {
  if (text[0] == '[') {
    size_t size = strcspn(text + 1, "]");

    *ret_size = text[1 + size] == ']' ? size : 0;
    return text + 1;
  }
  *ret_size = strcspn(text, ":/");
  return text;
}

bool vtx_value_is_loopback(const char *host, size_t size) {
  char name[INET6_ADDRSTRLEN];
  struct in6_addr six;
  struct in_addr four;

  if (size >= sizeof name) return false;
  memcpy(name, host, size);
  name[size] = '\0';
  if (strcasecmp(name, "localhost") == 0) return true;
  if (inet_pton(AF_INET, name, &four) == 1)
    return ntohl(four.s_addr) >> 24 == 127;
  return inet_pton(AF_INET6, name, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}
