#include "client/vertexctl/targets.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"

#define MAX_TARGET ((size_t)64 << 10)

/* Parts "dns:///host:port", "host:port" and "[::1]:port". host is a copy. */
static bool part(const char *target, char **ret_host, const char **ret_port) {
  const char *host = target;
  const char *colon;
  size_t size;

  if (strncmp(host, "dns:///", 7) == 0) host += 7;
  colon = strrchr(host, ':');
  if (!colon || colon == host || !colon[1] || strncmp(host, "unix:", 5) == 0)
    return false;
  size = (size_t)(colon - host);
  if (host[0] == '[' && size > 2 && host[size - 1] == ']') {
    host++;
    size -= 2;
  }
  *ret_host = strndup(host, size);
  *ret_port = colon + 1;
  return *ret_host != NULL;
}

/* Adds the first address that target has in the family; false if none. */
static bool add_address(struct cb_buf *out, const char *target, int family) {
  const struct addrinfo hints = {.ai_family = family,
                                 .ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  char address[64];
  char number[16];
  const char *port;
  char *host;
  bool good;

  if (!part(target, &host, &port)) return false;
  good =
      getaddrinfo(host, port, &hints, &found) == 0 &&
      getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof address,
                  number, sizeof number, NI_NUMERICHOST | NI_NUMERICSERV) == 0;
  if (good)
    cb_buf_printf(out, family == AF_INET ? "%s%s:%s" : "%s[%s]:%s",
                  out->len > 5 ? "," : "", address, number);
  if (found) freeaddrinfo(found);
  free(host);
  return good && !out->failed;
}

static char *join(const char *const *targets, size_t count, int family,
                  const char **ret_bad) {
  struct cb_buf out;
  bool good = true;
  char *text = NULL;

  cb_buf_init(&out, MAX_TARGET, NULL);
  cb_buf_add_text(&out, family == AF_INET ? "ipv4:" : "ipv6:");
  for (size_t i = 0; good && i < count; i++) {
    good = add_address(&out, targets[i], family);
    if (!good) *ret_bad = targets[i];
  }
  if (good) text = strdup(out.data);
  cb_buf_release(&out);
  return text;
}

char *ctl_target_join(const char *const *targets, size_t count,
                      struct ctl_problem *problem) {
  const char *bad = targets[0];
  char *text;

  if (count == 1) {
    text = strdup(targets[0]);
  } else {
    text = join(targets, count, AF_INET, &bad);
    if (!text) text = join(targets, count, AF_INET6, &bad);
  }
  if (!text)
    CTL_PROBLEM(problem,
                "several targets must all be HOST:PORT that can be resolved: "
                "%.200s",
                bad);
  return text;
}
