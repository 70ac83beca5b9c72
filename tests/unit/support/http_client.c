#include "http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

#define PATIENCE_MS 60000

static struct sockaddr_in loopback(uint16_t port) {
  return (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons(port)};
}

int http_listen(uint16_t *ret_port) {
  struct sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (bind(fd, (void *)&address, size) != 0 || listen(fd, 128) != 0 ||
      getsockname(fd, (void *)&address, &size) != 0) {
    close(fd);
    return -1;
  }
  *ret_port = ntohs(address.sin_port);
  return fd;
}

int http_dial(uint16_t port) {
  struct sockaddr_in address = loopback(port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (connect(fd, (void *)&address, sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

bool http_say(int fd, const char *text) {
  size_t size = strlen(text);

  return send(fd, text, size, MSG_NOSIGNAL) == (ssize_t)size;
}

bool http_hear(int fd, struct cb_buf *ret_answer) {
  struct pollfd pollfd = {.fd = fd, .events = POLLIN};
  char data[4096];
  ssize_t size = -1;
  bool more;

  cb_buf_clear(ret_answer);
  do {
    more = poll(&pollfd, 1, PATIENCE_MS) == 1;
    if (more) size = recv(fd, data, sizeof data, 0);
    if (more && size > 0) cb_buf_add(ret_answer, data, (size_t)size);
  } while (more && size > 0);
  close(fd);
  return more;
}

bool http_get(uint16_t port, const char *path, struct cb_buf *ret_answer) {
  char request[256];
  int fd = http_dial(port);

  snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);
  if (fd < 0) return false;
  http_say(fd, request);
  return http_hear(fd, ret_answer);
}
