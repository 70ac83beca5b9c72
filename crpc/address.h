/* address.h - addresses as text, and sockets that listen on them.
 *
 * Threads: safe from any; may block in the resolver, so for start-up only.
 */
#ifndef CRPC_ADDRESS_H
#define CRPC_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/status.h"

/* Room for any text of crpc_address_print(). */
#define CRPC_ADDRESS_TEXT 64

/* One listening socket. For unix sockets the file that is ours to remove. */
struct crpc_socket {
  int fd;
  char path[108]; /* "" if not a unix socket */
  dev_t device;
  ino_t inode;
};

/* Opens non-blocking listening sockets for "HOST:PORT", one for each address
 * of HOST, or for "unix:PATH". At most room are opened. Returns how many, and
 * the address really bound as malloc'd text in *ret_address; 0 with
 * *ret_status (UNAVAILABLE, field "listen") if it cannot be done. */
size_t crpc_address_listen(const char *address, struct crpc_socket *sockets,
                           size_t room, char **ret_address,
                           struct cb_status *ret_status);

/* Closes socket, and removes its file if that is still the same one. */
void crpc_socket_close(struct crpc_socket *socket);

/* Writes "1.2.3.4:5", "[::1]:5" or "unix:" into text (CRPC_ADDRESS_TEXT). */
void crpc_address_print(const struct sockaddr *address, char *text);

#endif
