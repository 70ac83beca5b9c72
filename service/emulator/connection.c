/* Connections, and the watch for their peers' leaving. */
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "service/emulator/exchange.h"

/* Dissolving the association makes the kernel send RST at once; where the peer
 * was faster there is none left to dissolve, and nothing to do. */
void vtx_emu_connection_reset(const struct vtx_emu_connection *connection) {
  struct sockaddr nobody = {.sa_family = AF_UNSPEC};

  (void)connect(connection->fd, &nobody, sizeof nobody);
}

/* True while the library has bytes of the peer to read. */
static bool has_input(const struct vtx_emu_connection *connection) {
  char byte;

  return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* With epoll the library does not look for the peer's end when it comes along
 * with the last bytes before it: it would wait for the rest for ever. */
void vtx_emu_connections_check(struct vtx_emulator *emulator) {
  struct cb_link *link = emulator->leaving.next;

  while (link != &emulator->leaving) {
    struct vtx_emu_connection *connection =
        CB_CONTAINER(link, struct vtx_emu_connection, link);
    struct vtx_emu_exchange *exchange = connection->exchange;

    link = link->next;
    if (exchange && exchange->state != VTX_EMU_READING) {
      cb_list_remove(&connection->link); /* sending will find out */
    } else if (!has_input(connection)) {
      cb_list_remove(&connection->link);
      vtx_emu_connection_reset(connection);
    }
  }
}

struct vtx_emu_connection *vtx_emu_connection_of(struct MHD_Connection *http) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

  return info ? info->socket_context : NULL;
}

static void *open_connection(struct vtx_emulator *emulator,
                             struct MHD_Connection *http) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);
  struct vtx_emu_connection *connection = calloc(1, sizeof *connection);
  struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET,
                              .data.ptr = connection};

  if (!connection || !info) {
    free(connection);
    return NULL;
  }
  cb_list_init(&connection->link);
  connection->fd = info->connect_fd;
  /* Without the watch aborts would go unseen: better no connection. */
  if (epoll_ctl(emulator->watch_fd, EPOLL_CTL_ADD, connection->fd, &event)) {
    free(connection);
    return NULL;
  }
  vtx_emu_stats_connect(&emulator->stats);
  return connection;
}

void vtx_emu_connection_notice(void *cls, struct MHD_Connection *http,
                               void **context,
                               enum MHD_ConnectionNotificationCode code) {
  struct vtx_emulator *emulator = cls;
  struct vtx_emu_connection *connection = *context;

  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    *context = open_connection(emulator, http);
  } else if (connection) {
    cb_list_remove(&connection->link);
    epoll_ctl(emulator->watch_fd, EPOLL_CTL_DEL, connection->fd, NULL);
    vtx_emu_stats_disconnect(&emulator->stats);
    free(connection);
    *context = NULL;
  }
}
