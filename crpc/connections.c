#include <grpc/support/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "crpc/server_internal.h"

/* Which connection a call came on. All that the core tells of a descriptor
 * given to it is the peer name "fd:N". A number is used again only after the
 * core has closed the old one, and the newcomer then takes its place here. */

bool crpc_server_know(struct crpc_server *server, struct crpc_conn *conn) {
  size_t fd = (size_t)conn->fd;

  if (fd >= server->by_fd_room) {
    size_t room = (fd + 1) * 2;
    struct crpc_conn **by_fd =
        realloc(server->by_fd, room * sizeof(struct crpc_conn *));

    if (!by_fd) return false;
    for (size_t i = server->by_fd_room; i < room; i++)
      by_fd[i] = NULL;
    server->by_fd = by_fd;
    server->by_fd_room = room;
  }
  server->by_fd[fd] = conn;
  return true;
}

void crpc_server_forget(struct crpc_server *server, struct crpc_conn *conn) {
  size_t fd = (size_t)conn->fd;

  if (fd < server->by_fd_room && server->by_fd[fd] == conn) {
    server->by_fd[fd] = NULL;
  }
}

struct crpc_conn *crpc_server_conn_of(struct crpc_server *server,
                                      grpc_call *core) {
  char *peer = grpc_call_get_peer(core);
  struct crpc_conn *conn = NULL;

  if (peer && strncmp(peer, "fd:", 3) == 0) {
    size_t fd = strtoul(peer + 3, NULL, 10);

    if (fd < server->by_fd_room) conn = server->by_fd[fd];
  }
  gpr_free(peer);
  return conn ? crpc_conn_ref(conn) : NULL;
}
