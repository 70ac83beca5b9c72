/* send.h - what became of a message given to send, on either side of a call.
 */
#ifndef CRPC_SEND_H
#define CRPC_SEND_H

enum crpc_send {
  CRPC_SENT,      /* taken: it is packed and on its way */
  CRPC_WAIT,      /* not taken: there is no room; writable will be called */
  CRPC_CLOSED,    /* not taken: the call is over, or half-closed */
  CRPC_NO_MEMORY, /* not taken: memory or budget is used up, or the message is
                     over the limit for one (max_response_bytes of the server,
                     2 GiB of a client) */
};

#endif
