#include "crpc/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The statuses made here outlive every arena, so their texts are literals; the
 * system's own word for the cause is among them. */
static struct cb_status refuse(const char *message) {
  struct cb_status status =
      cb_status_make(CB_UNAVAILABLE, "LISTEN_FAILED", message);

  status.field = "listen";
  return status;
}

static struct cb_status refuse_errno(int error) {
  switch (error) {
    case EADDRINUSE:
      return refuse("the address is already in use");
    case EADDRNOTAVAIL:
      return refuse("the address is not one of this machine's");
    case EACCES:
    case EPERM:
      return refuse("permission to listen on the address is denied");
    case EMFILE:
    case ENFILE:
      return refuse("no file descriptor is left to listen with");
    case EAFNOSUPPORT:
      return refuse("this machine does not speak that family of addresses");
    case ENOENT:
    case ENOTDIR:
      return refuse("the directory of the unix socket does not exist");
    default:
      return refuse("the system refused to listen on the address");
  }
}

void crpc_address_print(const struct sockaddr *address, char *text) {
  char host[INET6_ADDRSTRLEN] = "";

  if (address->sa_family == AF_INET) {
    const struct sockaddr_in *in = (const void *)address;

    inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
    snprintf(text, CRPC_ADDRESS_TEXT, "%s:%d", host, ntohs(in->sin_port));
  } else if (address->sa_family == AF_INET6) {
    const struct sockaddr_in6 *in = (const void *)address;

    inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
    snprintf(text, CRPC_ADDRESS_TEXT, "[%s]:%d", host, ntohs(in->sin6_port));
  } else {
    snprintf(text, CRPC_ADDRESS_TEXT, "unix:");
  }
}

/* Opens, binds and listens. On failure -1 and errno. */
static int open_socket(const struct sockaddr *address, socklen_t size) {
  int fd =
      socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int on = 1;
  int error;

  if (fd < 0) return -1;
  if (address->sa_family != AF_UNIX) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  if (address->sa_family == AF_INET6) {
    const struct sockaddr_in6 *in = (const void *)address;

    /* "[::]" means every address, IPv4's too; any other only itself. */
    if (IN6_IS_ADDR_UNSPECIFIED(&in->sin6_addr)) on = 0;
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (bind(fd, address, size) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
  error = errno;
  close(fd);
  errno = error;
  return -1;
}

/* A socket file that nobody answers at is left over from a crash. */
static bool remove_stale(const struct sockaddr_un *address) {
  struct stat file;
  int fd;
  bool stale;

  if (lstat(address->sun_path, &file) != 0) return true;
  if (!S_ISSOCK(file.st_mode)) return false;
  fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  stale = connect(fd, (const void *)address, sizeof *address) != 0 &&
          errno == ECONNREFUSED;
  close(fd);
  return stale && unlink(address->sun_path) == 0;
}

static size_t listen_unix(const char *path, struct crpc_socket *out,
                          char **ret_address, struct cb_status *ret_status) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct stat file;
  char *text = NULL;

  if (*path == '\0' || strlen(path) >= sizeof address.sun_path) {
    *ret_status = refuse("the path of the unix socket is empty or too long");
    return 0;
  }
  memcpy(address.sun_path, path, strlen(path) + 1);
  if (!remove_stale(&address)) {
    *ret_status =
        refuse("a live server has that unix socket, or the path is no socket");
    return 0;
  }
  *out = (struct crpc_socket){
      .fd = open_socket((const void *)&address, sizeof address)};
  if (out->fd < 0) {
    *ret_status = refuse_errno(errno);
    return 0;
  }
  memcpy(out->path, path, strlen(path) + 1);
  if (lstat(path, &file) == 0) {
    out->device = file.st_dev;
    out->inode = file.st_ino;
  }
  if (asprintf(&text, "unix:%s", path) < 0) {
    crpc_socket_close(out);
    *ret_status = refuse("memory is used up");
    return 0;
  }
  *ret_address = text;
  return 1;
}

/* Cuts "HOST:PORT" or "[HOST]:PORT" in two. */
static bool split(const char *address, char *host, size_t room,
                  const char **ret_port) {
  const char *colon = strrchr(address, ':');
  const char *end = colon;

  if (!colon || colon == address || colon[1] == '\0') return false;
  if (*address == '[') {
    address++;
    end--;
    if (end < address || *end != ']') return false;
  } else if (memchr(address, ':', (size_t)(colon - address))) {
    return false; /* an IPv6 address wants brackets */
  }
  if (end == address || (size_t)(end - address) >= room) return false;
  memcpy(host, address, (size_t)(end - address));
  host[end - address] = '\0';
  *ret_port = colon + 1;
  return true;
}

static bool is_port(const char *text) {
  char *end;
  long port;

  if (*text < '0' || *text > '9') return false;
  port = strtol(text, &end, 10);
  return *end == '\0' && port <= 65535;
}

static void set_port(struct sockaddr *address, in_port_t port) {
  if (address->sa_family == AF_INET) {
    ((struct sockaddr_in *)(void *)address)->sin_port = port;
  } else {
    ((struct sockaddr_in6 *)(void *)address)->sin6_port = port;
  }
}

static in_port_t get_port(const struct sockaddr_storage *address) {
  if (address->ss_family == AF_INET) {
    return ((const struct sockaddr_in *)(const void *)address)->sin_port;
  }
  return ((const struct sockaddr_in6 *)(const void *)address)->sin6_port;
}

/* Listens on each address of list, with the port that the first one got. An
 * address that this machine lacks is no failure while another works. */
static size_t listen_all(struct addrinfo *list, struct crpc_socket *sockets,
                         size_t room, struct sockaddr_storage *ret_bound) {
  in_port_t port = 0;
  size_t count = 0;

  for (struct addrinfo *at = list; at && count < room; at = at->ai_next) {
    socklen_t size = sizeof *ret_bound;
    int fd;

    if (count > 0) set_port(at->ai_addr, port);
    fd = open_socket(at->ai_addr, at->ai_addrlen);
    if (fd < 0 && (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT)) continue;
    if (fd < 0) {
      int error = errno;

      while (count > 0)
        crpc_socket_close(&sockets[--count]);
      errno = error;
      return 0;
    }
    if (count == 0) {
      getsockname(fd, (void *)ret_bound, &size);
      port = get_port(ret_bound);
    }
    sockets[count++] = (struct crpc_socket){.fd = fd};
  }
  return count;
}

static size_t listen_tcp(const char *address, struct crpc_socket *sockets,
                         size_t room, char **ret_address,
                         struct cb_status *ret_status) {
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                 .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
  struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
  struct addrinfo *list = NULL;
  char host[256];
  char text[CRPC_ADDRESS_TEXT];
  const char *port;
  size_t count;

  if (!split(address, host, sizeof host, &port) || !is_port(port)) {
    *ret_status = refuse("expected HOST:PORT, [IPV6]:PORT or unix:PATH");
    return 0;
  }
  if (getaddrinfo(host, port, &hints, &list) != 0) {
    *ret_status = refuse("the host name cannot be resolved");
    return 0;
  }
  errno = EADDRNOTAVAIL;
  count = listen_all(list, sockets, room, &bound);
  if (count == 0) *ret_status = refuse_errno(errno);
  freeaddrinfo(list);
  if (count == 0) return 0;
  crpc_address_print((const void *)&bound, text);
  *ret_address = strdup(text);
  if (*ret_address) return count;
  while (count > 0)
    crpc_socket_close(&sockets[--count]);
  *ret_status = refuse("memory is used up");
  return 0;
}

size_t crpc_address_listen(const char *address, struct crpc_socket *sockets,
                           size_t room, char **ret_address,
                           struct cb_status *ret_status) {
  assert(room > 0);
  if (strncmp(address, "unix:", 5) == 0) {
    return listen_unix(address + 5, sockets, ret_address, ret_status);
  }
  return listen_tcp(address, sockets, room, ret_address, ret_status);
}

void crpc_socket_close(struct crpc_socket *socket) {
  struct stat file;

  if (socket->fd < 0) return;
  if (socket->path[0] && lstat(socket->path, &file) == 0 &&
      file.st_dev == socket->device && file.st_ino == socket->inode) {
    unlink(socket->path);
  }
  close(socket->fd);
  socket->fd = -1;
}
