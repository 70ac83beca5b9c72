/* listener.h - accepts connections, in a thread of its own.
 *
 * The C core's listener stops for good when descriptors run out once, and does
 * not say how many connections there are. This one pauses and goes on, holds
 * connections over the limit back in the kernel's backlog, and watches a
 * duplicate of each descriptor, so that it sees connections end.
 *
 * Threads:   all functions on the loop's thread. The events are called there
 *            too; what passes between the two threads is mail.
 * Ownership: a struct crpc_conn is the loop's from opened on. It holds one
 *            reference until closed; calls may hold more.
 */
#ifndef CRPC_LISTENER_H
#define CRPC_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"
#include "base/mailbox.h"
#include "base/status.h"
#include "crpc/address.h"

struct crpc_listener;
struct crpc_loop;

/* What an epoll event belongs to. */
enum crpc_watch { CRPC_WATCH_WAKE, CRPC_WATCH_SOCKET, CRPC_WATCH_CONN };

struct crpc_conn {
  enum crpc_watch kind;
  struct crpc_listener *listener;
  struct cb_mail opened;
  struct cb_mail closed;
  struct cb_link link; /* in the listener's list, on the loop's side */
  int fd;              /* to be given to the core, or closed, by opened */
  int watch;           /* its duplicate; -1 once closed */
  unsigned refs;
  char peer[CRPC_ADDRESS_TEXT];
};

struct crpc_listener_events {
  void (*opened)(struct crpc_conn *conn, void *self); /* takes conn->fd */
  void (*closed)(struct crpc_conn *conn, void *self);
};

/* NULL when out of memory or descriptors. events is borrowed. */
struct crpc_listener *crpc_listener_new(
    struct crpc_loop *loop, int max_connections,
    const struct crpc_listener_events *events, void *self);

/* As crpc_server_listen(); before start. */
bool crpc_listener_listen(struct crpc_listener *listener, const char *address,
                          char **ret_address, struct cb_status *ret_status);

/* False when no thread could be made. */
bool crpc_listener_start(struct crpc_listener *listener);

/* Stops and joins the thread, then closes the sockets. Connections that live
 * are not seen to close from then on; those whose opened is still in the mail
 * are delivered. */
void crpc_listener_stop(struct crpc_listener *listener);

/* Stops if need be; ends all that was known of connections. No mail may be
 * under way: to be called on the loop after its mail was delivered. */
void crpc_listener_free(struct crpc_listener *listener);

struct crpc_conn *crpc_conn_ref(struct crpc_conn *conn);
void crpc_conn_unref(struct crpc_conn *conn);

#endif
